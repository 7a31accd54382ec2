import { PartialType, PickType } from '@nestjs/swagger';
import { Transform, Type } from 'class-transformer';
import {
  Allow,
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsDate,
  IsDateString,
  IsEmail,
  IsEnum,
  IsPositive,
  IsUUID,
  IsIn,
  IsInt,
  IsNotEmpty,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
  ValidateBy,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { describe, expect, it } from '@jest/globals';
import { AppConfig } from '../../src/config/app-config.js';
import type { ApiError } from '../../src/errors/api-error.js';
import { KnownWhen, MayBeNull, MayBeOmitted } from '../../src/validation/decorators.js';
import { CreateCrate } from '../support/fixture/dto/crate-body.dto.js';
import { CreateUser } from '../../src/users/dto/user-body.dto.js';
import { planOf } from '../../src/validation/body-plan.js';
import { validateBody } from '../../src/validation/validate-body.js';

enum Size {
  Small = 'small',
  Large = 'large',
}
enum Level {
  Low,
  High,
}

class Address {
  @IsString()
  @MinLength(2)
  city: string;
}

class Item {
  @IsString()
  name: string;

  @ValidateNested()
  address: Address;
}

class Everything {
  @IsString()
  @MinLength(2)
  @MaxLength(4)
  name: string;

  @IsInt()
  @Min(1)
  @Max(9)
  count: number;

  @IsNumber()
  weight: number;

  @IsBoolean()
  active: boolean;

  @IsEmail()
  email: string;

  @IsEnum(Size)
  size: Size;

  @IsEnum(Level)
  level: Level;

  @IsIn(['a', 'b'])
  choice: string;

  @IsDateString()
  madeAt: string;

  @IsDate()
  soldAt: Date;

  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(2)
  @IsString({ each: true })
  tags: string[];

  @ValidateNested()
  address: Address;

  @ValidateNested({ each: true })
  @Type(() => Item)
  items: Item[];

  @IsObject()
  extra: object;

  @Allow()
  anything: unknown;

  @Length(2, 3)
  code: string;

  @Matches(/^x/, { message: '$property starts with x, see $constraint1.' })
  pattern: string;

  @IsNotEmpty()
  filled: string;

  @IsOptional()
  @IsInt()
  optional?: number | null;

  @MayBeOmitted()
  @IsInt()
  omitted?: number;

  @MayBeNull()
  @IsInt()
  nullable: number | null;

  @ValidateIf(({ active }: Everything) => active)
  @IsInt()
  whenActive: number;

  @IsOptional()
  @IsUUID()
  uuid?: string;

  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => Address)
  more?: Address[] | null;

  @IsOptional()
  @IsArray()
  @IsDate({ each: true })
  dates?: Date[];

  @ValidateIf((body: Everything) => body.more!.length > 5)
  @IsPositive()
  dependent: number;

  @KnownWhen(({ flaskCompat }) => flaskCompat)
  @MayBeOmitted()
  @IsString()
  legacy?: string;
}

const valid = {
  name: 'leia',
  count: 1,
  weight: 1.5,
  active: true,
  email: 'leia@alderaan.test',
  size: 'small',
  level: 1,
  choice: 'a',
  madeAt: '2026-01-01T00:00:00Z',
  soldAt: '2026-01-01T00:00:00Z',
  tags: ['a', 'b'],
  address: { city: 'Aldera' },
  items: [{ name: 'x', address: { city: 'Aldera' } }],
  extra: { a: [1] },
  anything: null,
  code: 'ab',
  pattern: 'xyz',
  filled: 'f',
  nullable: null,
  whenActive: 1,
  dependent: 1,
};
const config = AppConfig.from({ FLASK_COMPAT: 'false' });

const errorsOf = (change: object, settings = config): unknown => {
  try {
    validateBody(Everything, { ...valid, ...change }, settings);
    return null;
  } catch (error) {
    const { code, body } = error as ApiError;
    expect(code).toBe('validation_failed');
    return body.message;
  }
};

describe('validateBody', () => {
  it('returns an instance of the class, with nested instances and dates', () => {
    const body = validateBody(Everything, valid, config);
    expect(body).toBeInstanceOf(Everything);
    expect(body.address).toBeInstanceOf(Address);
    expect(body.items[0]).toBeInstanceOf(Item);
    expect(body.items[0]!.address).toBeInstanceOf(Address);
    expect(body.soldAt).toEqual(new Date(Date.UTC(2026, 0, 1)));
    expect({ ...body }).toMatchObject({ ...valid, soldAt: body.soldAt });
  });

  it.each([
    [{ name: undefined }, { name: ['Missing data for required field.'] }],
    [{ name: null }, { name: ['Field may not be null.'] }],
    [{ name: 5 }, { name: ['Not a valid string.'] }],
    [{ name: 'a' }, { name: ['Shorter than minimum length 2.'] }],
    [{ name: 'abcde' }, { name: ['Longer than maximum length 4.'] }],
    [{ count: '5' }, { count: ['Not a valid integer.'] }],
    [{ count: true }, { count: ['Not a valid integer.'] }],
    [{ count: 1.5 }, { count: ['Not a valid integer.'] }],
    [{ count: 0 }, { count: ['Must be greater than or equal to 1.'] }],
    [{ count: 10 }, { count: ['Must be less than or equal to 9.'] }],
    [{ weight: '1' }, { weight: ['Not a valid number.'] }],
    [{ active: 'true' }, { active: ['Not a valid boolean.'] }],
    [{ email: 'leia' }, { email: ['Not a valid email address.'] }],
    [{ size: 'huge' }, { size: ['Must be one of: small, large.'] }],
    [{ level: 'Low' }, { level: ['Must be one of: 0, 1.'] }],
    [{ count: '\0' }, { count: ['Not a valid integer.'] }],
    [{ tags: '\0' }, { tags: ['Not a valid list.'] }],
    [{ extra: { a: [{ b: 'x\0' }] } }, { extra: ['Not a valid string.'] }],
    [{ anything: ['\ud800'] }, { anything: ['Not a valid string.'] }],
    [{ soldAt: '2026-02-31T00:00:00Z' }, { soldAt: ['Not a valid datetime.'] }],
    [{ uuid: 'x' }, { uuid: ['uuid must be a UUID'] }],
    [{ more: [{}] }, { 'more.0.city': ['Missing data for required field.'] }],
    [{ dates: ['2026-01-01T00:00:00Z', 'x'] }, { dates: ['Not a valid datetime.'] }],
    [{ dependent: undefined }, { dependent: ['Missing data for required field.'] }],
    [{ dependent: -1 }, { dependent: ['dependent must be a positive number'] }],
    [{ level: 7 }, { level: ['Must be one of: 0, 1.'] }],
    [{ choice: 'c' }, { choice: ['Must be one of: a, b.'] }],
    [{ madeAt: 'yesterday' }, { madeAt: ['Not a valid datetime.'] }],
    [{ soldAt: 'yesterday' }, { soldAt: ['Not a valid datetime.'] }],
    [{ soldAt: 5 }, { soldAt: ['Not a valid datetime.'] }],
    [{ tags: 'a' }, { tags: ['Not a valid list.'] }],
    [{ tags: [] }, { tags: ['Shorter than minimum length 1.'] }],
    [{ tags: ['a', 'b', 'c'] }, { tags: ['Longer than maximum length 2.'] }],
    [{ tags: ['a', 1] }, { tags: ['Not a valid string.'] }],
    [{ address: 'x' }, { address: ['Invalid input type.'] }],
    [{ address: [] }, { address: ['Invalid input type.'] }],
    [{ address: {} }, { 'address.city': ['Missing data for required field.'] }],
    [{ address: { city: 'A' } }, { 'address.city': ['Shorter than minimum length 2.'] }],
    [{ address: { city: 'AB', zip: 1 } }, { 'address.zip': ['Unknown field.'] }],
    [{ items: {} }, { items: ['Not a valid list.'] }],
    [{ items: ['x'] }, { items: ['Invalid input type.'] }],
    [
      { items: [valid.items[0], { name: 1, address: { city: 2 } }] },
      { 'items.1.name': ['Not a valid string.'], 'items.1.address.city': ['Not a valid string.'] },
    ],
    [{ extra: 'x' }, { extra: ['Invalid input type.'] }],
    [{ code: 'a' }, { code: ['Shorter than minimum length 2.'] }],
    [{ code: 'abcd' }, { code: ['Longer than maximum length 3.'] }],
    [{ pattern: 'abc' }, { pattern: ['pattern starts with x, see /^x/.'] }],
    [{ filled: '' }, { filled: ['Shorter than minimum length 1.'] }],
    [{ optional: 'x' }, { optional: ['Not a valid integer.'] }],
    [{ optional: 2 ** 31 }, { optional: ['Must be less than or equal to 2147483647.'] }],
    [{ optional: -1e300 }, { optional: ['Must be greater than or equal to -2147483648.'] }],
    [{ omitted: null }, { omitted: ['Field may not be null.'] }],
    [{ nullable: undefined }, { nullable: ['Missing data for required field.'] }],
    [{ whenActive: undefined }, { whenActive: ['Missing data for required field.'] }],
    [{ unknown: 1 }, { unknown: ['Unknown field.'] }],
    [{ legacy: 'x' }, { legacy: ['Unknown field.'] }],
  ])('refuses a body with %j', (change, expected) => {
    expect(errorsOf(change)).toEqual(expected);
  });

  it.each([
    [{ optional: null }],
    [{ optional: undefined }],
    [{ omitted: undefined }],
    [{ nullable: 3 }],
    [{ active: false, whenActive: undefined }],
    [{ anything: undefined }],
    [{ more: null }],
    [{ more: [{ city: 'Aldera' }] }],
    [{ dates: ['2026-01-01T00:00:00Z'] }],
    [{ dates: null }],
  ])('accepts a body with %j', (change) => {
    expect(errorsOf(change)).toBeNull();
  });

  it.each([
    ['a NUL', 'a\0b'],
    ['a lone surrogate', 'a\ud800'],
  ])('refuses a text with %s, which databases cannot store, whatever the decorator', (_, text) => {
    const refused = ['Not a valid string.'];
    expect(errorsOf({ name: text, filled: text, tags: [text] })).toEqual({
      ...{ name: refused, filled: refused, tags: refused },
    });
  });

  it('counts lengths in code points of Unicode NFC, including invisible ones', () => {
    expect(errorsOf({ name: '🚀🚀🚀🚀' })).toBeNull();
    expect(errorsOf({ name: 'e\u0301e\u0301e\u0301e\u0301' })).toBeNull();
    expect(errorsOf({ name: 'abc\ufe0f\ufe0f' })).toEqual({
      name: ['Longer than maximum length 4.'],
    });
  });

  it('accepts a field only with the settings that it depends on', () => {
    expect(errorsOf({ legacy: 'x' }, AppConfig.from({ FLASK_COMPAT: 'true' }))).toBeNull();
  });

  it('reports at most a hundred unknown fields', () => {
    const many = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`x${i}`, 1]));
    expect(Object.keys(errorsOf(many) as object)).toHaveLength(100);
  });

  it('refuses a field called __proto__ as unknown', () => {
    const body = JSON.parse('{"__proto__":{"x":1},"city":"Aldera"}') as object;
    expect(() => validateBody(Address, body, config)).toThrow(
      expect.objectContaining({
        body: expect.objectContaining({
          message: JSON.parse('{"__proto__":["Unknown field."]}') as object,
        }) as unknown,
      }),
    );
  });

  it.each([[null], [undefined], [[]], ['text'], [5]])('refuses %j as a body', (body) => {
    expect(() => validateBody(Address, body, config)).toThrow(
      expect.objectContaining({
        body: expect.objectContaining({ message: { _schema: ['Invalid input type.'] } }) as unknown,
      }),
    );
  });
});

describe('validateBody with several bounds of a field', () => {
  it('checks the bounds of a field from the narrowest on, before other rules', () => {
    const errorOf = (type: new () => object, body: object, name: string): unknown => {
      try {
        validateBody(type, body, config);
        return null;
      } catch (error) {
        return ((error as ApiError).body.message as Record<string, unknown>)[name];
      }
    };
    const least = ['Must be greater than or equal to 1.'];
    expect(errorOf(CreateCrate, { count: -1e300 }, 'count')).toEqual(least);
    expect(errorOf(CreateCrate, { count: 0 }, 'count')).toEqual(least);
    expect(errorOf(CreateUser, { name: ' ' }, 'name')).toEqual(['Shorter than minimum length 2.']);
  });
});

describe('validateBody with a custom validator', () => {
  const resultOf = (validate: (value: unknown) => unknown) => {
    class Body {
      @ValidateBy({
        name: 'own',
        validator: {
          validate: validate as () => boolean,
          defaultMessage: () => '$property is odd',
        },
      })
      field: unknown;
    }
    try {
      validateBody(Body, { field: 1 }, config);
      return null;
    } catch (error) {
      return (error as ApiError).body.message;
    }
  };

  it('refuses a value for which a custom validator returns false or throws', () => {
    const refused = { field: ['field is odd'] };
    expect(resultOf(() => true)).toBeNull();
    expect(resultOf(() => /./.exec('match'))).toBeNull();
    expect(resultOf(() => false)).toEqual(refused);
    expect(resultOf((value) => (value as string).trim() !== '')).toEqual(refused);
  });

  it('refuses a value for which a custom validator returns a promise, which is not awaited', () => {
    expect(resultOf(() => Promise.resolve(true))).toEqual({ field: ['field is odd'] });
  });
});

describe('validateBody with a mapped type', () => {
  class Base {
    @KnownWhen(() => false)
    @MayBeOmitted()
    @IsString()
    secret?: string;

    @MayBeNull()
    @IsInt()
    price: number | null;
  }
  class Part extends PartialType(Base) {}
  class Picked extends PickType(Base, ['price']) {}

  const refusalOf = (type: new () => object, body: object): unknown => {
    try {
      validateBody(type, body, config);
      return null;
    } catch (error) {
      return (error as ApiError).body.message;
    }
  };

  it('inherits the settings and the nullability of a field in a mapped type', () => {
    expect(refusalOf(Part, { secret: 'x' })).toEqual({ secret: ['Unknown field.'] });
    expect(refusalOf(Part, {})).toBeNull();
    expect(refusalOf(Picked, { price: null })).toBeNull();
    expect(refusalOf(Picked, {})).toEqual({ price: ['Missing data for required field.'] });
  });
});

describe('planOf', () => {
  class WithGroups {
    @IsString({ groups: ['a'] })
    name: string;
  }
  class WithTransform {
    @Transform(({ value }) => String(value))
    @IsString()
    name: string;
  }
  class WithMixedEach {
    @IsInt({ each: true })
    @Max(9)
    numbers: number[];
  }

  it.each([
    [WithGroups, 'WithGroups.name has groups'],
    [WithTransform, 'WithTransform.name has @Transform(), which is not run'],
    [WithMixedEach, 'WithMixedEach.numbers has decorators with and without { each: true }'],
  ])('refuses %p, whose decorators would be ignored in part', (type, reason) => {
    expect(() => planOf(type)).toThrow(reason);
  });
});
