import type { OpenAPIObject } from '@nestjs/swagger';
import { etagHeader, ifNoneMatchHeader } from '../http/conditional/conditional-requests.js';
import { PATCH_TYPES } from '../http/json-body.js';
import { type OperationObject, operationsOf } from './operations.js';

type Response = Extract<OperationObject['responses'][string], { description: string }>;

/**
 * Documents what follows from the headers that handlers take: the `ETag` of a resource that `If-Match`
 * protects, 304 where it is read, and the header of a repeated answer. Bodies of `PATCH` get their media
 * types.
 */
export function describeHttpMethods(document: OpenAPIObject): void {
  describePatches(document);
  const operations = operationsOf(document).map(({ operation }) => operation);
  const tagged = new Set(
    operations.filter((operation) => takes(operation, 'If-Match')).flatMap(schemasOf),
  );
  for (const operation of operations) {
    if (takes(operation, 'Idempotency-Key')) addHeader(operation, 201, replayedHeader);
    if (!schemasOf(operation).some((schema) => tagged.has(schema))) continue;
    for (const status of [200, 201]) addHeader(operation, status, etagHeader);
  }
  for (const path of Object.values(document.paths)) {
    const { get } = path;
    if (!get || !schemasOf(get).some((schema) => tagged.has(schema))) continue;
    get.parameters = [...(get.parameters ?? []), { in: 'header', ...ifNoneMatchHeader }];
    get.responses[304] = { description: '', headers: etagHeader };
  }
}

const replayedHeader = {
  'Idempotent-Replayed': {
    description: 'Only if an earlier request with the same `Idempotency-Key` got this answer.',
    schema: { type: 'string' as const, enum: ['true'] },
  },
};

const acceptPatchHeader = {
  'Accept-Patch': {
    description: 'RFC 5789, section 3.1.',
    required: true,
    schema: { type: 'string' as const, enum: [PATCH_TYPES.join(', ')] },
  },
};

function describePatches({ paths }: OpenAPIObject): void {
  for (const { patch } of Object.values(paths)) {
    const body = patch?.requestBody;
    if (!patch || !body || '$ref' in body) continue;
    const content = body.content['application/json'];
    if (!content) continue;
    body.content = Object.fromEntries(PATCH_TYPES.map((type) => [type, content]));
    addHeader(patch, 415, acceptPatchHeader);
  }
}

function takes({ parameters = [] }: OperationObject, header: string): boolean {
  return parameters.some((each) => 'name' in each && each.name === header);
}

/** The names of the schemas of single resources in successful responses. */
function schemasOf({ responses }: OperationObject): string[] {
  return [responses[200], responses[201]].flatMap((response) => {
    const schema =
      response && !('$ref' in response) && response.content?.['application/json']?.schema;
    return schema && '$ref' in schema ? [schema.$ref] : [];
  });
}

function addHeader(operation: OperationObject, status: number, header: Response['headers']): void {
  const response = operation.responses[status];
  if (response && !('$ref' in response)) response.headers = { ...response.headers, ...header };
}
