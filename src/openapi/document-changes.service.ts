import { Injectable } from '@nestjs/common';
import type { OpenAPIObject } from '@nestjs/swagger';

/** @param document whose operation ids are still the names of the routes: `UsersController.list` */
type DocumentChange = (document: OpenAPIObject) => void;

/**
 * Collects what features change in the OpenAPI document, such as what depends on settings. Decorators
 * describe everything else.
 */
@Injectable()
export class DocumentChangesService {
  private readonly changes: DocumentChange[] = [];

  /** A constructor calls it, before a document is built. */
  register(change: DocumentChange): void {
    this.changes.push(change);
  }

  apply(document: OpenAPIObject): void {
    for (const change of this.changes) change(document);
  }
}
