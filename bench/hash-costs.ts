import { AppConfig, type PasswordHashCost } from '../src/config/app-config.js';

/** That of the product; the product hashes a password again if its hash has another cost. */
export const PRODUCTION_COST = AppConfig.from({}).passwordHashCost;

/** A hash that takes so little time that it does not hide the rest of a login. */
export const CHEAP_COST: PasswordHashCost = { memoryCost: 64, timeCost: 1, parallelism: 1 };
