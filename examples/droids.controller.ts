import { Body, Controller, Get, Post } from '@nestjs/common';
import { IsString, MinLength } from 'class-validator';
import { CurrentToken, Public, RequireToken } from '../src/access/require-token.decorator.js';
import { Token } from '../src/tokens/token.js';

export class CreateDroid {
  @IsString()
  @MinLength(2)
  name: string;
}

@Controller('droids')
export class DroidsController {
  @Get('status')
  @Public()
  status() {
    return { online: true };
  }

  @Post()
  @RequireToken({ scope: { admin: true } })
  create(@Body() body: CreateDroid, @CurrentToken() token: Token) {
    return { name: body.name, maker: token.subject };
  }
}
