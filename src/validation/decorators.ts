import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { IsInt, Max, Min, ValidateBy, ValidateIf, type ValidationArguments } from 'class-validator';
import type { AppConfig } from '../config/app-config.js';
import { boundsOf } from './integer-column.js';
import { messages } from './messages.js';
import { isCalendarDate } from './values.js';

type Condition = (body: object, value: unknown) => boolean;

/*
 * These decorators are implemented as `ValidateIf` conditions, so that mapped types such as
 * `PartialType`, and subclasses, inherit them.
 */
const ifPresent: Condition = (_, value) => value !== undefined;
const unlessNull: Condition = (_, value) => value !== null;

/** The field may be left out, but may not be null. class-validator's `@IsOptional()` allows both. */
export function MayBeOmitted(): PropertyDecorator {
  return ValidateIf(ifPresent);
}

/** The field may be null. */
export function MayBeNull(): PropertyDecorator {
  return ValidateIf(unlessNull);
}

/** An integer that the column of the entity can store. SQLite would store more than PostgreSQL. */
export function FitsColumn(entity: new () => object, property: string): PropertyDecorator {
  const { min, max } = boundsOf([entity, property]);
  return applyDecorators(Min(min), Max(max));
}

/** A date without a time, such as `2026-01-31` (`full-date` of RFC 3339, section 5.6). */
export function IsCalendarDate(): PropertyDecorator {
  return Check('isCalendarDate', (value) => (isCalendarDate(value) ? null : messages.date));
}

/** The id of the resource, which a client may repeat in a body that replaces the resource. */
export function IsOwnId(): PropertyDecorator {
  return applyDecorators(
    MayBeOmitted(),
    IsInt(),
    Min(1),
    ApiProperty({ example: 1, description: 'Optional. It must be the id in the path.' }),
  );
}

/**
 * A custom check.
 *
 * @param problem returns the message for an invalid value, or null
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
      defaultMessage: (args) => (args && of(args)) ?? '',
    },
  });
}

const settings = new WeakMap<object, AppConfig>();

/** The settings under which a body is checked, for checks that depend on them. */
function settingsOf(body: object): AppConfig {
  return settings.get(body)!;
}

export function setSettings(body: object, config: AppConfig): void {
  settings.set(body, config);
}

const knownWhen = new WeakMap<Condition, (config: AppConfig) => boolean>();

/** The field exists under some settings only; under others it is an unknown field. */
export function KnownWhen(condition: (config: AppConfig) => boolean): PropertyDecorator {
  const alwaysTrue: Condition = () => true;
  knownWhen.set(alwaysTrue, condition);
  return ValidateIf(alwaysTrue);
}

/** Whether a field with these conditions exists under the settings. */
export function isKnown(conditions: readonly Condition[], config: AppConfig): boolean {
  return conditions.every((condition) => knownWhen.get(condition)?.(config) ?? true);
}
