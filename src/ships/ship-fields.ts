import { listFields } from '../lists/list-fields.js';
import { Ship } from './ship.entity.js';

/** The fields by which lists of ships can be filtered and sorted. */
export const shipFields = listFields(Ship, [
  'id',
  'affiliation',
  'category',
  'crew',
  'length',
  'manufacturer',
  'model',
  'roles',
  'ship_class',
]);
