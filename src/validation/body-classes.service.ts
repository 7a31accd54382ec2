import { Injectable, type OnModuleInit, type Type } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/internal';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { StartError } from '../errors/start-error.js';
import { messageOf } from '../errors/error-message.js';
import { type BodyClass, isBodyClass, metadataOf, planOf } from './body-plan.js';

interface Parameter {
  /** The controller's and the handler's name. */
  handler: string;
  type: unknown;
  /** The field of `@Body('name')`, if the handler reads only that field. */
  field: string | undefined;
  /** Whether the parameter has its own pipes. */
  isPiped: boolean;
}

/** Lists the body classes of all handlers, and rejects those that cannot be validated. */
@Injectable()
export class BodyClassesService implements OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  /** @throws StartError with a sentence for each body that cannot be validated */
  onModuleInit(): void {
    const problems = this.parameters('BODY').flatMap((parameter) => {
      const problem = parameterError(parameter);
      return problem === null ? [] : [`${parameter.handler}: @Body() ${problem}.`];
    });
    for (const { handler, type, isPiped } of this.parameters('QUERY')) {
      if (isPiped || !isBodyClass(type) || metadataOf(type).length === 0) continue;
      const advice = 'give it a pipe that checks it, or use @ListParameters()';
      problems.push(
        `${handler}: @Query() has a class whose decorators are not checked; ${advice}.`,
      );
    }
    if (problems.length > 0) throw new StartError(problems.join('\n'));
  }

  list(): BodyClass[] {
    return this.parameters('BODY').map(({ type }) => type as BodyClass);
  }

  private parameters(kind: 'BODY' | 'QUERY'): Parameter[] {
    return this.discovery.getControllers().flatMap(({ metatype }) => {
      if (!metatype) return [];
      const prototype = metatype.prototype as object;
      return this.scanner
        .getAllMethodNames(prototype)
        .flatMap((method) => parametersOf(kind, metatype as Type, prototype, method));
    });
  }
}

function parametersOf(
  kind: 'BODY' | 'QUERY',
  controller: Type,
  prototype: object,
  method: string,
): Parameter[] {
  const all = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, method) ?? {}) as Record<
    string,
    { index: number; data?: unknown; pipes?: unknown[] }
  >;
  const types = Reflect.getMetadata('design:paramtypes', prototype, method) as
    unknown[] | undefined;
  return Object.entries(all)
    .filter(([key]) => key.startsWith(`${RouteParamtypes[kind]}:`))
    .map(([, { index, data, pipes = [] }]) => ({
      handler: `${controller.name}.${method}`,
      type: types?.[index],
      field: typeof data === 'string' ? data : undefined,
      isPiped: pipes.length > 0,
    }));
}

/** Returns why a body cannot be validated, as the end of a sentence; null if it can. */
function parameterError({ type, field }: Parameter): string | null {
  if (field !== undefined) {
    return `reads only the field "${field}", which is not validated; take the body as a class`;
  }
  if (!isBodyClass(type)) {
    return 'has no class whose decorators could check it (an interface or `import type` leaves none)';
  }
  try {
    planOf(type);
    return null;
  } catch (error) {
    return `cannot be checked: ${messageOf(error)}`;
  }
}
