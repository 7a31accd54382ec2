/** The service cannot start. The message names the cause and the remedy, and is shown without a stack. */
export class StartError extends Error {}
