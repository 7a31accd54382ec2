import 'reflect-metadata';
import { runAdmin } from './admin/program.js';

/** Administration on the command line; see docs/administration.md. */
await runAdmin(process.argv.slice(2));
