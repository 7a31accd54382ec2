import { Module } from '@nestjs/common';
import { CommonPasswords } from './common-passwords.js';
import { PasswordChangeLimit } from './password-change-limit.js';
import { PasswordHasher } from './password-hasher.js';
import { UserRepository } from './user.repository.js';
import { UsersController } from './users.controller.js';
import { UsersService } from './users.service.js';

@Module({
  controllers: [UsersController],
  providers: [UsersService, UserRepository, PasswordHasher, PasswordChangeLimit, CommonPasswords],
  exports: [UsersService, PasswordChangeLimit],
})
export class UsersModule {}
