import { NestFactory } from '@nestjs/core';
import { applicationModule } from '../src/app.setup.js';
import { ApiError } from '../src/common/api-error.js';
import { AppConfig } from '../src/config/app-config.js';
import { UsersService } from '../src/users/users.service.js';

/** Makes a user an administrator, or takes it back: `npm run admin -- grant|revoke <name>`. */
const [verb, name] = process.argv.slice(2);
if ((verb !== 'grant' && verb !== 'revoke') || name === undefined) {
  console.error('Usage: npm run admin -- grant|revoke <name>');
  process.exit(2);
}

const app = await NestFactory.createApplicationContext(await applicationModule(AppConfig.load()), {
  logger: false,
});
try {
  await app.get(UsersService, { strict: false }).setAdmin(name, verb === 'grant');
  console.log(
    `${name} is ${verb === 'grant' ? 'an administrator' : 'no administrator'} from the next login on; all of their sessions have ended.`,
  );
} catch (error) {
  if (!(error instanceof ApiError)) throw error;
  console.error(`There is no user ${name}.`);
  process.exitCode = 1;
} finally {
  await app.close();
}
