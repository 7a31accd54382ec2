import { listFields } from '../lists/list-fields.js';
import { ShipResponse } from './dto/ship-response.dto.js';
import { Ship } from './ship.entity.js';

/** The fields by which lists of ships can be filtered and sorted: all that a response shows. */
export const shipFields = listFields(Ship, ShipResponse.fields);
