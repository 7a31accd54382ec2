import type { Circus } from '@jest/types';
import { TestEnvironment } from 'jest-environment-node';

/** Skips all tests after the first failure, because one failure is enough to notice a mutant. */
export default class FailFastEnvironment extends TestEnvironment {
  private failed = false;

  handleTestEvent(event: Circus.Event): void {
    if (event.name === 'test_fn_failure' || event.name === 'hook_failure') this.failed = true;
    if (event.name === 'test_done' && event.test.errors.length > 0) this.failed = true;
    if (!this.failed) return;
    if (event.name === 'test_start') event.test.mode = 'skip';
    if (event.name === 'run_describe_start') event.describeBlock.mode = 'skip';
  }
}
