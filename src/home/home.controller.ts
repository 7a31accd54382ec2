import { Controller, Get, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ApiError, notFound } from '../errors/api-error.js';
import { AppConfig } from '../config/app-config.js';
import { addVary } from '../http/vary.js';
import { Public } from '../access/require-token.decorator.js';
import { DemoLoginsService } from './demo-logins.service.js';
import { FirstRequestService } from './first-request.service.js';
import { HOME_POLICY, homePage } from './home-page.js';

/** The page for a person who opens the address of the service in a browser. */
@ApiExcludeController()
@Controller()
export class HomeController {
  constructor(
    private readonly config: AppConfig,
    private readonly demoLogins: DemoLoginsService,
    private readonly firstRequest: FirstRequestService,
  ) {}

  /** @throws ApiError `not_found` for a client that does not ask for HTML */
  @Get()
  @Public()
  async home(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    addVary(reply, 'Accept');
    const base = request.server.linkBase(request);
    const { docs, production } = this.config;
    if (!acceptsHtml(request.headers.accept)) {
      const message = `There is nothing at this address. The API is described at ${base}/docs.`;
      throw new ApiError(notFound, docs ? { message } : {});
    }
    reply.headers({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': HOME_POLICY,
      'cache-control': 'no-cache',
    });
    const logins = await this.demoLogins.list();
    return homePage({ base, docs, production, logins, firstPath: this.firstRequest.path });
  }
}

/** Whether the header names `text/html` itself, as browsers do (RFC 9110, section 12.5.1). */
function acceptsHtml(accept = ''): boolean {
  return accept.split(',').some((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    return type === 'text/html' && !parameters.some((each) => /^q=0(?:\.0*)?$/.test(each));
  });
}
