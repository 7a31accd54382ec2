import { integerWithin, InvalidParameter, type ListField } from '../../src/lists/list-field.js';
import { HEX_COLOUR, NOT_A_COLOUR, toNumber } from './is-hex-colour.decorator.js';

/**
 * A list field type of one's own: an integer in the database, `#rrggbb` for clients. It is sorted
 * like an integer.
 */
export const hexColour: ListField = {
  ...integerWithin({ min: 0, max: 0xffffff }),
  schema: { type: 'string', pattern: '^#[0-9A-Fa-f]{6}$' },
  parse: (parameter) =>
    typeof parameter === 'string' && HEX_COLOUR.test(parameter)
      ? toNumber(parameter)
      : new InvalidParameter(NOT_A_COLOUR),
};
