import { afterAll } from '@jest/globals';
import { dropTemplate } from './test-database.js';

afterAll(dropTemplate);
