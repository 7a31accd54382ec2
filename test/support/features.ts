/**
 * Settings that turn off what no test of the engine depends on. The tests of these features turn
 * them on.
 */
export const featuresOff: Record<string, string> = {
  BOOKSTORE: 'false',
  DEMO_DATA: 'false',
};

/** Settings for tests that are about the routes of all features. */
export const allRoutes: Record<string, string> = {
  BOOKSTORE: 'true',
};
