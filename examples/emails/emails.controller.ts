import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiOkResponse, ApiProperty } from '@nestjs/swagger';
import { IsEmail, MaxLength } from 'class-validator';
import { CurrentToken, RequireToken } from '../../src/access/require-token.decorator.js';
import { param } from '../../src/access/requirement.js';
import { ApiBodyErrors, ApiErrors } from '../../src/errors/api-errors.decorator.js';
import { notFound, serviceUnavailable } from '../../src/errors/api-error.js';
import { type Client, RequestClient } from '../../src/http/client.js';
import { ResourceId } from '../../src/http/resource-id.js';
import { Token } from '../../src/tokens/token.js';
import { EmailsService, emailTaken } from './emails.service.js';

class Email {
  @IsEmail()
  @MaxLength(254)
  @ApiProperty({ example: 'leia@alderaan.example' })
  email: string;
}

@Controller('api/users/:id/email')
export class EmailsController {
  constructor(private readonly emails: EmailsService) {}

  @Get()
  @RequireToken({ claims: { sub: param('id') } })
  @ApiOkResponse({ type: Email })
  @ApiErrors(notFound)
  async get(@ResourceId() id: number): Promise<Email> {
    return { email: await this.emails.get(id) };
  }

  @Put()
  @RequireToken({ fresh: true, claims: { sub: param('id') } })
  @ApiOkResponse({ type: Email })
  @ApiBodyErrors({ email: ['Not a valid email address.'] })
  @ApiErrors(emailTaken, serviceUnavailable)
  async replace(
    @ResourceId() id: number,
    @Body() { email }: Email,
    @CurrentToken() token: Token,
    @RequestClient() client: Client,
  ): Promise<Email> {
    return { email: await this.emails.replace(id, email, { token, client }) };
  }
}
