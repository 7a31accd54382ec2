import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { headerOf } from '../access/requirement.js';
import { RouteRequirementsService } from '../access/route-requirements.service.js';
import { operationsOf } from './operations.js';

/**
 * The names of the request headers that routes declare: by `@RequireToken({ header })`, `@Headers()`
 * or `@ApiHeader()`.
 */
export function declaredHeaders(app: NestFastifyApplication): string[] {
  const document = SwaggerModule.createDocument(app, new DocumentBuilder().build());
  const described = operationsOf(document).flatMap(({ operation: { parameters = [] } }) =>
    parameters.flatMap((each) => ('in' in each && each.in === 'header' ? [each.name] : [])),
  );
  const ofTokens = app.get(RouteRequirementsService).list();
  return [...ofTokens.flatMap(({ requirement }) => headerOf(requirement) ?? []), ...described];
}
