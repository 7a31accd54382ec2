import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { map, type Observable } from 'rxjs';
import { linkNext } from '../http/links.js';
import type { Page } from './page.js';

/** Sends the rows of the page that a handler returns, and a `Link` to the next page. */
export class LinkInterceptor implements NestInterceptor<Page<unknown>, unknown> {
  /** @param member of the response that holds the rows; null if the response is the array of rows */
  constructor(private readonly member: string | null) {}

  intercept(context: ExecutionContext, next: CallHandler<Page<unknown>>): Observable<unknown> {
    const http = context.switchToHttp();
    return next.handle().pipe(
      map((page) => {
        linkNext(http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>(), page);
        return this.member === null ? page.rows : { [this.member]: page.rows };
      }),
    );
  }
}
