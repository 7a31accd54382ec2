/**
 * Adds decorators of a handler, such as those of OpenAPI, to the decorator of one of its parameters.
 */
export function documentedParameter(
  parameter: ParameterDecorator,
  ...documentation: MethodDecorator[]
): ParameterDecorator {
  return (target, key, index) => {
    parameter(target, key, index);
    const descriptor = Object.getOwnPropertyDescriptor(target, key as string)!;
    for (const decorator of documentation) decorator(target, key as string, descriptor);
  };
}
