import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { map, type Observable } from 'rxjs';
import { linkNext } from '../http/links.js';
import type { Page } from './page.js';

/** Sends the rows of the page that a handler returns, a `Link` to the next page, and a weak `ETag`. */
export class LinkInterceptor implements NestInterceptor<Page<unknown>, unknown> {
  /** @param member of the response that holds the rows; null if the response is the array of rows */
  constructor(private readonly member: string | null) {}

  intercept(context: ExecutionContext, next: CallHandler<Page<unknown>>): Observable<unknown> {
    const http = context.switchToHttp();
    return next.handle().pipe(
      map((page) => {
        const reply = http.getResponse<FastifyReply>();
        linkNext(http.getRequest<FastifyRequest>(), reply, page);
        reply.hasBodyTag = true;
        return this.member === null ? page.rows : { [this.member]: page.rows };
      }),
    );
  }
}
