import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import type { AppConfig } from '../config/app-config.js';
import { pathOf } from './links.js';

/** Answers are data: a browser that is made to show one loads and runs nothing. */
const API_POLICY =
  "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Swagger UI is made of files of ours, and of styles that its scripts write. */
const DOCS_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** For what is answered before there is a request. */
export const rawSecurityHeaders = {
  'Content-Security-Policy': API_POLICY,
  'X-Content-Type-Options': 'nosniff',
};

/** Sends with every answer what tells a browser to be careful: the headers that helmet sends. */
export function sendSecurityHeaders(app: NestFastifyApplication, { production }: AppConfig): void {
  app.useSecurityHeaders({
    contentSecurityPolicy: { useDefaults: false, directives: directivesOf(API_POLICY) },
    xFrameOptions: { action: 'deny' },
    // Only where there is TLS in front: a browser would insist on it for a year.
    strictTransportSecurity: production,
  });
}

/** The page of the docs may load what it is made of. */
export function relaxForDocs(instance: FastifyInstance): void {
  instance.addHook('onRequest', (request, reply, done) => {
    const path = pathOf(request);
    if (path === '/docs' || path.startsWith('/docs/')) {
      reply.header('content-security-policy', DOCS_POLICY);
    }
    done();
  });
}

/** Lets the pages of these origins read our answers (the Fetch standard, section 3.3). */
export function allowOrigins(app: NestFastifyApplication, config: AppConfig): void {
  if (config.corsOrigins.length === 0) return;
  app.enableCors({
    origin: [...config.corsOrigins],
    // Cookies are sent along where there are any of ours.
    credentials: config.tokenCookies,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    allowedHeaders: ['authorization', 'content-type', 'x-access-tokens', 'x-csrf-token'],
    exposedHeaders: ['link', 'location', 'retry-after', 'www-authenticate'],
    maxAge: 600,
    strictPreflight: false,
  });
}

function directivesOf(policy: string): Record<string, string> {
  return Object.fromEntries(
    policy.split('; ').map((directive) => {
      const [name = '', ...values] = directive.split(' ');
      return [name, values.join(' ')];
    }),
  );
}
