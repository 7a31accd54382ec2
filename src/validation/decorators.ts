import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import {
  buildMessage,
  IsInt,
  Max,
  Min,
  ValidateBy,
  ValidateIf,
  type ValidationArguments,
} from 'class-validator';
import type { AppConfig } from '../config/app-config.js';
import { boundsOf } from './integer-column.js';

/** The field may be left out, but may not be null. class-validator's `@IsOptional()` allows both. */
export function MayBeOmitted(): PropertyDecorator {
  return applyDecorators(
    mark(OMITTED),
    ValidateIf((_, value) => value !== undefined),
  );
}

/** The field may be null. */
export function MayBeNull(): PropertyDecorator {
  return applyDecorators(
    mark(NULLABLE),
    ValidateIf((_, value) => value !== null),
  );
}

const OMITTED = Symbol('may be omitted');
const NULLABLE = Symbol('may be null');

function mark(what: symbol): PropertyDecorator {
  return (target, name) => Reflect.defineMetadata(what, true, target, name);
}

export function mayBeOmitted(prototype: object, name: string): boolean {
  return Reflect.hasMetadata(OMITTED, prototype, name);
}

export function mayBeNull(prototype: object, name: string): boolean {
  return Reflect.hasMetadata(NULLABLE, prototype, name);
}

/** An integer that the column of the entity can store. SQLite would store more than PostgreSQL. */
export function FitsColumn(entity: new () => object, property: string): PropertyDecorator {
  const { min, max } = boundsOf([entity, property]);
  return applyDecorators(Min(min), Max(max));
}

/** The id of the resource, which a client may repeat in a body that replaces the resource. */
export function IsOwnId(): PropertyDecorator {
  return applyDecorators(
    MayBeOmitted(),
    IsInt(),
    Min(1),
    ApiProperty({ example: 1, description: 'If given, the id of the path.' }),
  );
}

/**
 * A check of our own.
 *
 * @param problem says what is wrong with a value, or null
 */
export function Check(
  name: string,
  problem: (value: unknown, config: AppConfig) => string | null,
): PropertyDecorator {
  const of = ({ value, object }: ValidationArguments) => problem(value, settingsOf(object));
  return ValidateBy({
    name,
    validator: {
      validate: (_, args) => args !== undefined && of(args) === null,
      defaultMessage: buildMessage((_, args) => (args && of(args)) ?? ''),
    },
  });
}

const settings = new WeakMap<object, AppConfig>();

/** The settings under which a body is checked, for checks that depend on them. */
export function settingsOf(body: object): AppConfig {
  return settings.get(body)!;
}

export function setSettings(body: object, config: AppConfig): void {
  settings.set(body, config);
}

const KNOWN_WHEN = Symbol('known when');

/** The field exists under some settings only; under others it is an unknown field. */
export function KnownWhen(condition: (config: AppConfig) => boolean): PropertyDecorator {
  return (target, name) => Reflect.defineMetadata(KNOWN_WHEN, condition, target, name);
}

export function isKnownWhen(type: new () => object, name: string): (config: AppConfig) => boolean {
  const condition: unknown = Reflect.getMetadata(KNOWN_WHEN, type.prototype as object, name);
  return typeof condition === 'function'
    ? (condition as (config: AppConfig) => boolean)
    : () => true;
}
