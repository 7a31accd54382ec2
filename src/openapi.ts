import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { ErrorResponse } from './common/api-errors.js';
import type { AppConfig } from './config/app-config.js';

export function buildDocument(app: NestFastifyApplication, config: AppConfig): OpenAPIObject {
  const bearer = (description: string) =>
    ({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description }) as const;
  const settings = new DocumentBuilder()
    .setTitle('nest-rest-jwt')
    .setDescription(
      'Users, ships and logins. Log in at `POST /auth/login`, and give the tokens it answers with to *Authorize*.',
    )
    .setVersion('1')
    .setOpenAPIVersion('3.1.0')
    .addSecurity('access_token', bearer('The `access_token` of a login or a refresh.'))
    .addSecurity('refresh_token', bearer('The `refresh_token` of a login.'))
    .build();
  const document = SwaggerModule.createDocument(app, settings, {
    extraModels: [ErrorResponse],
    operationIdFactory: (controller, method) =>
      `${controller.replace('Controller', '').toLowerCase()}.${method}`,
  });
  applySettings(document, config);
  return document;
}

/** Serves Swagger UI at `/docs` and the document at `/docs/openapi.json`. */
export function serveDocs(app: NestFastifyApplication, config: AppConfig): void {
  SwaggerModule.setup('docs', app, () => buildDocument(app, config), {
    raw: ['json'],
    jsonDocumentUrl: 'docs/openapi.json',
    customSiteTitle: 'nest-rest-jwt',
    swaggerOptions: { persistAuthorization: true },
  });
}

/** The shortest password is a setting, which decorators cannot know. */
function applySettings(document: OpenAPIObject, config: AppConfig): void {
  for (const schema of Object.values(document.components?.schemas ?? {})) {
    if (!('properties' in schema)) continue;
    for (const property of Object.values(schema.properties ?? {})) {
      if ('format' in property && property.format === 'password') {
        property.minLength = config.passwordMinLength;
      }
    }
  }
}
