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

/** Gives the parameters of a path what the router knows of them, and an example each. */
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

/** A value that the schema of the parameter accepts, as far as its type and format tell. */
function exampleOf({ name, schema }: Exclude<Parameter, { $ref: string }>): unknown {
  const { type, format, minimum, ...given } = (schema ?? {}) as Schema;
  const known = given.example ?? given.enum?.[0] ?? given.default;
  if (known !== undefined) return known;
  if (type === 'integer' || type === 'number') return minimum ?? 1;
  if (type === 'boolean') return true;
  return format === 'uuid' ? UUID : name;
}
