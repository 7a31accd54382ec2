interface Page {
  document: { querySelector(selector: string): { focus(): void } | null };
  setTimeout(work: () => void): void;
}

/**
 * A plugin of Swagger UI that lets its dialog *Authorize* open on the first scheme, the access token.
 * Every field of the dialog asks for the focus, so that otherwise the last one gets it. The function
 * runs in the browser, and so uses nothing from outside.
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
