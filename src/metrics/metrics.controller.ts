import { isIPv4, isIPv6 } from 'node:net';
import { Controller, Get, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Public } from '../access/require-token.decorator.js';
import { ApiError, notFound } from '../errors/api-error.js';
import { MetricsService } from './metrics.service.js';

/** Headers by which proxies say for whom they forward a request, such as `X-Forwarded-For`. */
const FORWARDING =
  /^via$|forwarded|(client|real|connecting|proxyuser)[-_]?ip$|external[-_]address$/;

/** The metrics on the port of the API, in development and without `METRICS_PORT`. */
@ApiExcludeController()
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: MetricsService) {}

  /** @throws ApiError `not_found` unless a program of the same machine asks */
  @Get()
  @Public()
  async show(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    if (!isLocal(request)) throw new ApiError(notFound);
    reply.headers({ 'content-type': this.metrics.contentType, 'cache-control': 'no-store' });
    return this.metrics.text();
  }
}

/** Whether the request comes from this machine, and no proxy says that it forwards it. */
function isLocal({ raw }: FastifyRequest): boolean {
  const isForwarded = Object.keys(raw.headers).some((name) => FORWARDING.test(name));
  return !isForwarded && isLoopback(raw.socket.remoteAddress ?? '');
}

/** RFC 1122, section 3.2.1.3; RFC 4291, sections 2.5.3 and 2.5.5.2. */
function isLoopback(address: string): boolean {
  const ipv4 = address.replace(/^::ffff:/i, '');
  return isIPv4(ipv4) ? ipv4.startsWith('127.') : isIPv6(address) && address === '::1';
}
