import { Module } from '@nestjs/common';
import { CommonPasswords } from './common-passwords.js';
import { PasswordHasher } from './password-hasher.js';
import { PasswordRules } from './password-rules.js';
import { UserReplacement } from './user-replacement.js';
import { UserRepository } from './user.repository.js';
import { UsersController } from './users.controller.js';
import { UsersService } from './users.service.js';

@Module({
  controllers: [UsersController],
  providers: [
    UsersService,
    UserReplacement,
    UserRepository,
    PasswordHasher,
    PasswordRules,
    CommonPasswords,
  ],
  exports: [UsersService],
})
export class UsersModule {}
