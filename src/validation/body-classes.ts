import { Injectable, type OnModuleInit, type Type } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/internal';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { StartError } from '../errors/start-error.js';
import { messageOf } from '../errors/error-message.js';
import { type BodyClass, planOf } from './body-plan.js';

interface BodyParameter {
  /** The controller's and the handler's name. */
  handler: string;
  type: unknown;
  /** The field that the handler takes, of `@Body('name')`. */
  field: string | undefined;
}

const NO_CLASSES: readonly unknown[] = [undefined, Object, Array, String, Number, Boolean];

/** Knows the class of each body that a handler takes. */
@Injectable()
export class BodyClasses implements OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  /** @throws StartError with a sentence for each body that could not be checked */
  onModuleInit(): void {
    const problems = this.parameters().flatMap((parameter) => {
      const problem = problemOf(parameter);
      return problem === null ? [] : [`${parameter.handler}: @Body() ${problem}.`];
    });
    if (problems.length > 0) throw new StartError(problems.join('\n'));
  }

  list(): BodyClass[] {
    return this.parameters().map(({ type }) => type as BodyClass);
  }

  private parameters(): BodyParameter[] {
    return this.discovery.getControllers().flatMap(({ metatype }) => {
      if (!metatype) return [];
      const prototype = metatype.prototype as object;
      return this.scanner
        .getAllMethodNames(prototype)
        .flatMap((method) => bodiesOf(metatype as Type, prototype, method));
    });
  }
}

function bodiesOf(controller: Type, prototype: object, method: string): BodyParameter[] {
  const all = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, method) ?? {}) as Record<
    string,
    { index: number; data?: unknown }
  >;
  const types = Reflect.getMetadata('design:paramtypes', prototype, method) as
    unknown[] | undefined;
  return Object.entries(all)
    .filter(([key]) => key.startsWith(`${RouteParamtypes.BODY}:`))
    .map(([, { index, data }]) => ({
      handler: `${controller.name}.${method}`,
      type: types?.[index],
      field: typeof data === 'string' ? data : undefined,
    }));
}

/** What makes a body one that could not be checked; the end of a sentence. */
function problemOf({ type, field }: BodyParameter): string | null {
  if (field !== undefined) {
    return `takes the field "${field}" alone, which is not checked; take the body as a class`;
  }
  if (NO_CLASSES.includes(type)) {
    return 'has no class whose decorators could check it (an interface or `import type` leaves none)';
  }
  try {
    planOf(type as BodyClass);
    return null;
  } catch (error) {
    return `cannot be checked: ${messageOf(error)}`;
  }
}
