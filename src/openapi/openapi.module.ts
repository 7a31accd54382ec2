import { Module } from '@nestjs/common';
import { DocumentChangesService } from './document-changes.service.js';

@Module({ providers: [DocumentChangesService], exports: [DocumentChangesService] })
export class OpenApiModule {}
