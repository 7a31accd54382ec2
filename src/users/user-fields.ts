import { listFields } from '../lists/list-fields.js';
import { User } from './user.entity.js';

/** The fields by which lists of users can be filtered and sorted. */
export const userFields = listFields(User, ['id', 'name'], { normalized: true });
