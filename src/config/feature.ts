import type { DynamicModule, Type } from '@nestjs/common';
import type { AppConfig } from './app-config.js';

/** A module of a feature, possibly one that a setting turns off. */
export type Feature = Type | DynamicModule | OptionalFeature;

interface OptionalFeature {
  module: Type;
  isEnabled: (config: AppConfig) => boolean;
}

/** The modules of the features that the settings leave on. */
export function enabledModules(
  features: readonly Feature[],
  config: AppConfig,
): (Type | DynamicModule)[] {
  return features.flatMap((feature) => {
    if (!('isEnabled' in feature)) return [feature];
    return feature.isEnabled(config) ? [feature.module] : [];
  });
}
