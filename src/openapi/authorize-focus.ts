interface Page {
  document: { querySelector(selector: string): { focus(): void } | null };
  setTimeout(work: () => void): void;
}

/**
 * A plugin of Swagger UI that focuses the first scheme of the dialog *Authorize*, the access token.
 * Every field of the dialog requests the focus, so otherwise the last one would get it. The
 * function runs in the browser, so it must not use anything from outside.
 */
export function focusFirstScheme() {
  return {
    statePlugins: {
      auth: {
        wrapActions: {
          showDefinitions: (show: (definitions: unknown) => unknown) => (definitions: unknown) => {
            const page = globalThis as unknown as Page;
            const shown = show(definitions);
            page.setTimeout(() => page.document.querySelector('.modal-ux input')?.focus());
            return shown;
          },
        },
      },
    },
  };
}
