import { Injectable } from '@nestjs/common';
import type { OpenAPIObject } from '@nestjs/swagger';
import { AppConfig } from '../config/app-config.js';
import { DocumentChangesService } from '../openapi/document-changes.service.js';
import { operationNamed } from '../openapi/operations.js';
import { describeClosedRegistration } from '../openapi/users.js';
import { tutorialMessages } from './bookstore.decorators.js';
import { messages } from './bookstore-messages.js';

/** Documents the login by HTTP Basic, and what depends on `FLASK_COMPAT` and `REGISTRATION`. */
@Injectable()
export class BookstoreDocumentService {
  constructor(
    private readonly config: AppConfig,
    changes: DocumentChangesService,
  ) {
    changes.register((document) => this.describe(document));
  }

  private describe(document: OpenAPIObject): void {
    addBasicScheme(document);
    if (!this.config.flaskCompat) {
      const { responses } = operationNamed(document, 'BookstoreController.listUsers');
      responses[401] = tutorialMessages(messages.tokenMissing, messages.tokenInvalid);
      responses[403] = tutorialMessages(messages.administratorRequired);
    }
    if (this.config.registrationClosed) {
      const register = operationNamed(document, 'BookstoreController.register');
      describeClosedRegistration(register);
      register.responses[401] = tutorialMessages(messages.tokenInvalid);
      register.security?.unshift({ 'header.x-access-tokens': [] });
    }
  }
}

function addBasicScheme(document: OpenAPIObject): void {
  const basic = {
    type: 'http',
    scheme: 'basic',
    description: 'The login of the bookstore tutorial.',
  } as const;
  document.components = {
    ...document.components,
    securitySchemes: { ...document.components?.securitySchemes, basic },
  };
}
