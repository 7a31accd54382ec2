import { Module } from '@nestjs/common';
import { CommonPasswords } from './common-passwords.js';
import { PasswordHasher } from './password-hasher.js';
import { UserRemovals } from './user-removals.js';
import { UserRepository } from './user.repository.js';
import { UsersController } from './users.controller.js';
import { UsersService } from './users.service.js';

@Module({
  controllers: [UsersController],
  providers: [UsersService, UserRepository, UserRemovals, PasswordHasher, CommonPasswords],
  exports: [UsersService, UserRemovals],
})
export class UsersModule {}
