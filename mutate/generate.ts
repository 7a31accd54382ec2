import ts from 'typescript';
import { applied, type Mutant } from './mutant.js';
import { type Change, operators } from './operators.js';

/** Calls and classes whose arguments are only read by people and do not affect behavior. */
const FOR_PEOPLE = /(?:Error|logger\.\w+|unavailable|refusal)$/;

/** Generates all mutants of a file, in the order of the source. */
export function mutantsOf(file: string, text: string): Mutant[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const mutants = new Map<string, Mutant>();
  const visit = (node: ts.Node, names: readonly string[]): void => {
    if (isOutOfScope(node, source)) return;
    const within = [...names, ...nameOf(node)];
    for (const operator of operators) {
      for (const change of operator(node, source)) {
        const mutant = mutantFrom(change, { file, text, within });
        mutants.set(`${mutant.start} ${mutant.end} ${mutant.text}`, mutant);
      }
    }
    ts.forEachChild(node, (child) => visit(child, within));
  };
  visit(source, []);
  return [...mutants.values()].sort((a, b) => a.start - b.start || a.end - b.end);
}

/** Whether a node is not mutated: types, imports, decorators and texts for people. */
function isOutOfScope(node: ts.Node, source: ts.SourceFile): boolean {
  if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) {
    return !ts.isExpressionWithTypeArguments(node);
  }
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node) || ts.isDecorator(node)) {
    return true;
  }
  if (ts.isExpressionStatement(node) && ts.isCallExpression(node.expression)) {
    return FOR_PEOPLE.test(node.expression.expression.getText(source));
  }
  const { parent } = node;
  if (parent && (ts.isNewExpression(parent) || ts.isCallExpression(parent))) {
    const isArgument = (parent.arguments as readonly ts.Node[] | undefined)?.includes(node);
    return isArgument === true && FOR_PEOPLE.test(parent.expression.getText(source));
  }
  return false;
}

function nameOf(node: ts.Node): string[] {
  if (ts.isConstructorDeclaration(node)) return ['constructor'];
  const isNamed =
    ts.isClassDeclaration(node) ||
    ts.isFunctionDeclaration(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isAccessor(node);
  return isNamed && node.name ? [node.name.getText()] : [];
}

function mutantFrom(
  change: Change,
  { file, text, within }: { file: string; text: string; within: readonly string[] },
): Mutant {
  const { start, end } = change;
  const line = text.slice(0, start).split('\n').length;
  const from = text.lastIndexOf('\n', start - 1) + 1;
  const to = text.indexOf('\n', end) < 0 ? text.length : text.indexOf('\n', end);
  const mutant = { ...change, file, line, within: within.join('.'), from: '', to: '' };
  const changed = applied(mutant, text);
  const after = changed.length - (text.length - to);
  mutant.from = oneLine(text.slice(from, to));
  mutant.to = oneLine(changed.slice(from, after));
  return mutant;
}

function oneLine(text: string): string {
  return text.trim().replace(/\s+/g, ' ');
}
