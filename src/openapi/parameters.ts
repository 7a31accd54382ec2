import type { OperationObject } from './operations.js';

type Parameter = NonNullable<OperationObject['parameters']>[number];

interface Schema {
  type?: unknown;
  format?: string;
  minimum?: number;
  example?: unknown;
  default?: unknown;
  enum?: unknown[];
}

const UUID = '5b1f6f0e-2f0c-4d67-8a53-0f4f1c1b9d2e';

/** Documents the parameters of a path: what the router knows about them, and an example. */
export function describePathParameters({ parameters = [] }: OperationObject): void {
  for (const parameter of parameters) {
    if ('$ref' in parameter || parameter.in !== 'path') continue;
    if (parameter.name === 'id') parameter.schema = { type: 'integer', minimum: 1 };
    parameter.description ??= `The ${parameter.name} in the path.`;
    if (parameter.example === undefined && !parameter.examples) {
      parameter.example = exampleOf(parameter);
    }
  }
}

/** Returns a value that has the type and the format of the parameter. */
function exampleOf({ name, schema }: Exclude<Parameter, { $ref: string }>): unknown {
  const { type, format, minimum, ...given } = (schema ?? {}) as Schema;
  const known = given.example ?? given.enum?.[0] ?? given.default;
  if (known !== undefined) return known;
  if (type === 'integer' || type === 'number') return minimum ?? 1;
  if (type === 'boolean') return true;
  return format === 'uuid' ? UUID : name;
}
