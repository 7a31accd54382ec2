import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Check } from '../../src/validation/decorators.js';

export const HEX_COLOUR = /^#[\da-f]{6}$/i;

export const NOT_A_COLOUR = 'Not a valid colour, such as #ff8800.';

/** A field validator of one's own. `Check` returns the message for an invalid value, or null. */
export function IsHexColour(): PropertyDecorator {
  return applyDecorators(
    Check('isHexColour', (value) =>
      typeof value === 'string' && HEX_COLOUR.test(value) ? null : NOT_A_COLOUR,
    ),
    ApiProperty({ type: 'string', pattern: '^#[0-9A-Fa-f]{6}$', example: '#ff8800' }),
  );
}

/** @param colour as `#rrggbb` */
export const toNumber = (colour: string): number => parseInt(colour.slice(1), 16);

/** @returns the colour as `#rrggbb` */
export const toHex = (colour: number): string => `#${colour.toString(16).padStart(6, '0')}`;
