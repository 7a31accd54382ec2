import ts from 'typescript';

/** A replacement for the source text between two offsets. */
export interface Change {
  operator: string;
  start: number;
  end: number;
  text: string;
}

type Operator = (node: ts.Node, source: ts.SourceFile) => Iterable<Change>;

const BINARY = new Map<ts.SyntaxKind, string>([
  [ts.SyntaxKind.EqualsEqualsEqualsToken, '!=='],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken, '==='],
  [ts.SyntaxKind.LessThanToken, '<='],
  [ts.SyntaxKind.LessThanEqualsToken, '<'],
  [ts.SyntaxKind.GreaterThanToken, '>='],
  [ts.SyntaxKind.GreaterThanEqualsToken, '>'],
  [ts.SyntaxKind.AmpersandAmpersandToken, '||'],
  [ts.SyntaxKind.BarBarToken, '&&'],
  [ts.SyntaxKind.PlusToken, '-'],
  [ts.SyntaxKind.MinusToken, '+'],
  [ts.SyntaxKind.AsteriskToken, '/'],
  [ts.SyntaxKind.SlashToken, '*'],
]);
/** Operators whose expression is also replaced by each of its sides. */
const SIDES = new Set([
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
]);
/** Methods whose call is removed from a chain. */
const REMOVED = new Set([
  ...['toLowerCase', 'toUpperCase', 'trim', 'normalize', 'filter', 'slice', 'sort', 'catch'],
  ...['where', 'andWhere', 'orIgnore', 'orderBy', 'limit'],
]);
/** Methods whose name is replaced by another one. */
const SWAPPED = new Map([
  ['some', 'every'],
  ['every', 'some'],
  ['min', 'max'],
  ['max', 'min'],
  ['startsWith', 'endsWith'],
  ['endsWith', 'startsWith'],
]);

function* binary(node: ts.Node, source: ts.SourceFile): Iterable<Change> {
  if (!ts.isBinaryExpression(node)) return;
  const { operatorToken, left, right } = node;
  const replacement = BINARY.get(operatorToken.kind);
  if (replacement !== undefined) yield replace('operator', operatorToken, source, replacement);
  if (!SIDES.has(operatorToken.kind)) return;
  for (const side of [left, right]) {
    yield replace('side', node, source, `(${side.getText(source)})`);
  }
}

function* condition(node: ts.Node, source: ts.SourceFile): Iterable<Change> {
  if (ts.isIfStatement(node)) {
    yield replace('condition', node.expression, source, 'true');
    yield replace('condition', node.expression, source, 'false');
  }
  if (ts.isWhileStatement(node)) yield replace('condition', node.expression, source, 'false');
  if (ts.isConditionalExpression(node)) {
    yield replace('condition', node, source, `(${node.whenTrue.getText(source)})`);
    yield replace('condition', node, source, `(${node.whenFalse.getText(source)})`);
  }
}

function* negation(node: ts.Node, source: ts.SourceFile): Iterable<Change> {
  const isNot = ts.isPrefixUnaryExpression(node);
  if (!isNot || node.operator !== ts.SyntaxKind.ExclamationToken) return;
  yield replace('negation', node, source, node.operand.getText(source));
}

function* statement(node: ts.Node, source: ts.SourceFile): Iterable<Change> {
  if (ts.isThrowStatement(node)) yield replace('statement', node, source, ';');
  if (!ts.isExpressionStatement(node)) return;
  // The constructor of a subclass must call `super`.
  if (node.getText(source).startsWith('super(')) return;
  yield replace('statement', node, source, ';');
}

function* literal(node: ts.Node, source: ts.SourceFile): Iterable<Change> {
  if (node.kind === ts.SyntaxKind.TrueKeyword) yield replace('literal', node, source, 'false');
  if (node.kind === ts.SyntaxKind.FalseKeyword) yield replace('literal', node, source, 'true');
  if (ts.isNumericLiteral(node)) {
    const value = Number(node.text.replaceAll('_', ''));
    yield replace('literal', node, source, String(value + 1));
  }
  const isText = ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node);
  if (((isText && node.text !== '') || ts.isTemplateExpression(node)) && !isForPeople(node)) {
    yield replace('literal', node, source, "''");
  }
}

/** Whether the text is for people: a sentence that a function returns, or a name with a space. */
function isForPeople(node: ts.LiteralExpression | ts.TemplateExpression): boolean {
  let parent: ts.Node = node.parent;
  while (ts.isConditionalExpression(parent) || ts.isBinaryExpression(parent))
    parent = parent.parent;
  const isName = ts.isPropertyAssignment(parent) && parent.name.getText() === 'name';
  const isResult = ts.isReturnStatement(parent) || ts.isArrowFunction(parent);
  return (isName || isResult) && / /.test(node.getText());
}

function* member(node: ts.Node, source: ts.SourceFile): Iterable<Change> {
  if (ts.isObjectLiteralExpression(node)) {
    for (const each of node.properties) yield without(each, source);
  }
  if (ts.isArrayLiteralExpression(node)) {
    for (const each of node.elements) yield without(each, source);
  }
}

function* call(node: ts.Node, source: ts.SourceFile): Iterable<Change> {
  if (!ts.isCallExpression(node)) return;
  const { expression, arguments: args } = node;
  if (ts.isIdentifier(expression) && args.length === 1) {
    yield replace('call', node, source, args[0]!.getText(source));
  }
  if (!ts.isPropertyAccessExpression(expression)) return;
  const name = expression.name.text;
  if (REMOVED.has(name)) {
    yield replace('call', node, source, expression.expression.getText(source));
  }
  const replacement = SWAPPED.get(name);
  if (replacement !== undefined) yield replace('call', expression.name, source, replacement);
}

function* waiting(node: ts.Node, source: ts.SourceFile): Iterable<Change> {
  // The linter already refuses a statement that does not await its promise.
  if (!ts.isAwaitExpression(node) || ts.isExpressionStatement(node.parent)) return;
  yield replace('await', node, source, node.expression.getText(source));
}

function* pattern(node: ts.Node, source: ts.SourceFile): Iterable<Change> {
  if (!ts.isRegularExpressionLiteral(node)) return;
  const [, body = '', flags = ''] = /^\/(.*)\/([a-z]*)$/s.exec(node.text) ?? [];
  if (body.startsWith('^')) yield replace('pattern', node, source, `/${body.slice(1)}/${flags}`);
  if (body.endsWith('$') && !body.endsWith('\\$')) {
    yield replace('pattern', node, source, `/${body.slice(0, -1)}/${flags}`);
  }
  if (flags.includes('i')) {
    yield replace('pattern', node, source, `/${body}/${flags.replace('i', '')}`);
  }
}

export const operators: readonly Operator[] = [
  ...[binary, condition, negation, statement, literal, member, call, waiting, pattern],
];

function replace(operator: string, node: ts.Node, source: ts.SourceFile, text: string): Change {
  return { operator, start: node.getStart(source), end: node.getEnd(), text };
}

/** Removes a member of a list or an object, with the comma that follows it. */
function without(node: ts.Node, source: ts.SourceFile): Change {
  const comma = /^\s*,/.exec(source.text.slice(node.getEnd()))?.[0] ?? '';
  const end = node.getEnd() + comma.length;
  return { operator: 'member', start: node.getStart(source), end, text: '' };
}
