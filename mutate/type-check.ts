import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** Checks whether a changed file compiles. If it does not, the mutant needs no test. */
export class TypeCheck {
  private readonly changed = new Map<string, { text: string; version: number }>();
  private readonly service: ts.LanguageService;

  constructor(private readonly root: string) {
    const { options, fileNames } = ts.parseJsonConfigFileContent(
      ts.readConfigFile(join(root, 'tsconfig.build.json'), (path) => readFileSync(path, 'utf8'))
        .config,
      ts.sys,
      root,
    );
    this.service = ts.createLanguageService({
      getCompilationSettings: () => options,
      getScriptFileNames: () => fileNames,
      getScriptVersion: (path) => String(this.changed.get(path)?.version ?? 0),
      getScriptSnapshot: (path) => {
        const text = this.changed.get(path)?.text ?? ts.sys.readFile(path);
        return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
      },
      getCurrentDirectory: () => root,
      getDefaultLibFileName: (settings) => ts.getDefaultLibFilePath(settings),
      fileExists: (path) => ts.sys.fileExists(path),
      readFile: (path) => ts.sys.readFile(path),
      directoryExists: (path) => ts.sys.directoryExists(path),
      getDirectories: (path) => ts.sys.getDirectories(path),
    });
  }

  /** @param file the path relative to the root of the repository */
  compiles(file: string, text: string): boolean {
    const path = join(this.root, file);
    const original = readFileSync(path, 'utf8');
    this.set(path, text);
    const errors = [
      ...this.service.getSyntacticDiagnostics(path),
      ...this.service.getSemanticDiagnostics(path),
    ];
    this.set(path, original);
    return errors.length === 0;
  }

  private set(path: string, text: string): void {
    const version = (this.changed.get(path)?.version ?? 0) + 1;
    this.changed.set(path, { text, version });
  }
}
