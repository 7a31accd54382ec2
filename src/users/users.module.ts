import { Module } from '@nestjs/common';
import { CommonPasswords } from '../passwords/common-passwords.js';
import { PasswordChangeLimit } from './password-change-limit.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { PasswordRules } from './password-rules.js';
import { UserReplacement } from './user-replacement.js';
import { UserRemovals } from './user-removals.js';
import { UserRepository } from './user.repository.js';
import { UsersController } from './users.controller.js';
import { UsersService } from './users.service.js';

@Module({
  controllers: [UsersController],
  providers: [
    UsersService,
    UserReplacement,
    UserRepository,
    UserRemovals,
    PasswordHasher,
    PasswordChangeLimit,
    PasswordRules,
    CommonPasswords,
  ],
  exports: [UsersService, UserRemovals, PasswordHasher, PasswordChangeLimit],
})
export class UsersModule {}
