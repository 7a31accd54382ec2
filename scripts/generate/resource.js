import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Handlebars from 'handlebars';
import { camelCase, parseFields, pascalCase } from './fields.js';
import { nextTimestamp, npmRun, pretty, requireName, root, write } from './files.js';

const MODULES = 'src/app.module.ts';

/**
 * Writes the code of a resource, its migration and its tests.
 *
 * @param {string} plural such as `star-maps`
 * @param {{ fields?: string, owner?: boolean, public?: boolean, singular?: string,
 *   'skip-documents'?: boolean }} options
 */
export async function generateResource(plural, options) {
  if (options.owner && options.public) throw new Error('--owner and --public exclude each other.');
  const model = modelOf(plural, options);
  if (existsSync(join(root, 'test/support/fixture', `${plural}.controller.ts`))) {
    throw new Error(
      `The tests have a resource ${plural} (test/support/fixture). Choose another name.`,
    );
  }
  const files = await render(model);
  const existing = files.map(([path]) => path).filter((path) => existsSync(join(root, path)));
  if (existing.length > 0) throw new Error(`These files exist already:\n${existing.join('\n')}`);
  files.push([MODULES, await withModule(model)]);
  write(files);
  if (!options['skip-documents']) ['build', 'openapi', 'client'].forEach(npmRun);
  console.log(`\nRead the generated code, and run: npm test -- ${model.plural}`);
}

/**
 * @param {string} plural such as `star-maps`
 * @param {{ fields?: string, owner?: boolean, public?: boolean, singular?: string }} options
 */
function modelOf(plural, { fields: text = '', owner, public: isPublic, singular }) {
  const one = singular ?? plural.replace(/s$/, '');
  for (const name of [plural, one]) requireName(name);
  if (one === plural) {
    throw new Error(`Name one row, too: --singular <name>. "${plural}" does not end with an s.`);
  }
  const fields = parseFields(text);
  const sortable = fields.filter(({ sortKey }) => sortKey !== null);
  const decorators = fields.flatMap((field) => field.decorators);
  return {
    plural,
    singular: one,
    table: plural.replaceAll('-', '_'),
    Entity: pascalCase(one),
    entity: camelCase(one),
    Plural: pascalCase(plural),
    plurals: camelCase(plural),
    words: plural.replaceAll('-', ' '),
    word: one.replaceAll('-', ' '),
    article: /^[aeiou]/.test(one) ? 'an' : 'a',
    Article: /^[aeiou]/.test(one) ? 'An' : 'A',
    Tag: sentenceCase(plural.replaceAll('-', ' ')),
    owner: owner ?? false,
    isPublic: isPublic ?? false,
    timestamp: nextTimestamp(),
    fields: fields.map((field) => ({
      ...field,
      columnOptions: columnOptions(field),
      migrationColumn: migrationColumn(field),
      example: JSON.stringify(field.example),
    })),
    hasText: fields.some(({ isText }) => isText),
    optional: fields.filter(({ nullable }) => nullable),
    sortable,
    hasSortIndexes: !owner && sortable.length > 0,
    sorted: sortable[0],
    example: JSON.stringify(valuesOf(fields, 'example')),
    changed: JSON.stringify(valuesOf(fields, 'changed')),
    required: JSON.stringify(
      valuesOf(
        fields.filter(({ nullable }) => !nullable),
        'example',
      ),
    ),
    invalid: fields.map(({ name, invalid }) => ({ name, value: JSON.stringify(invalid) })),
    validators: [...new Set(decorators.map((each) => each.slice(1, each.indexOf('('))))]
      .filter((name) => name !== 'IsCalendarDate')
      .sort(),
    ownDecorators: [
      ...(decorators.includes('@IsCalendarDate()') ? ['IsCalendarDate'] : []),
      'IsOwnId',
      ...(fields.some(({ nullable }) => nullable) ? ['MayBeNull', 'MayBeOmitted'] : []),
    ],
  };
}

/**
 * The argument of `@Column()`: the type alone, or an object if there is more to say.
 *
 * @param {import('./fields.js').Field} field
 */
function columnOptions({ name, property, column, length, nullable, isText }) {
  const options = [
    ...(name === property ? [] : [`name: '${name}'`]),
    ...(length === null ? [] : [`length: ${length}`]),
    ...(nullable ? ['nullable: true'] : []),
    ...(isText ? ["collation: 'C'"] : []),
  ];
  return options.length === 0 ? `'${column}'` : `{ type: '${column}', ${options.join(', ')} }`;
}

/** @param {import('./fields.js').Field} field */
function migrationColumn({ name, column, length, nullable, isText }) {
  const options = [
    // TypeORM stores `simple-json` as a text.
    `name: '${name}', type: '${column === 'simple-json' ? 'text' : column}'`,
    ...(length === null ? [] : [`length: '${length}'`]),
    ...(nullable ? ['isNullable: true'] : []),
    ...(isText ? ['...collation'] : []),
  ];
  return `{ ${options.join(', ')} }`;
}

/** @param {string} text */
function sentenceCase(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * @param {import('./fields.js').Field[]} fields
 * @param {'example' | 'changed'} key
 */
function valuesOf(fields, key) {
  return Object.fromEntries(fields.map((field) => [field.name, field[key]]));
}

/**
 * Renders every template. The path of a template is that of the file, with `__plural__`,
 * `__singular__` and `__timestamp__` in place of the names of the resource.
 *
 * @param {ReturnType<typeof modelOf>} model
 * @returns {Promise<[path: string, text: string][]>}
 */
async function render(model) {
  const folder = join(import.meta.dirname, 'templates');
  const compile = (/** @type {string} */ text) =>
    Handlebars.compile(text, { noEscape: true })(model);
  const files = await Promise.all(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.template'))
      .map(async (name) => {
        const path = name
          .replace(/\.template$/, '')
          .replaceAll('\\', '/')
          .replace(/__(plural|singular|timestamp)__/g, (_, key) => String(model[key]));
        return [path, await pretty(path, compile(readFileSync(join(folder, name), 'utf8')))];
      }),
  );
  // A template that does not apply to the resource is empty.
  return files.filter(([, text]) => text.trim() !== '');
}

/**
 * Adds the module after the modules of the other features.
 *
 * @param {ReturnType<typeof modelOf>} model
 */
async function withModule({ plural, Plural }) {
  const text = readFileSync(join(root, MODULES), 'utf8');
  const line = `import { ${Plural}Module } from './${plural}/${plural}.module.js';\n`;
  const imports = text.lastIndexOf('\nimport ');
  const end = text.indexOf('\n', text.indexOf(';', imports)) + 1;
  const place = text.indexOf('        HomeModule,');
  if (imports < 0 || place < 0) throw new Error(`Add ${Plural}Module to ${MODULES} yourself.`);
  const changed =
    text.slice(0, end) + line + text.slice(end, place) + `${Plural}Module,\n` + text.slice(place);
  return pretty(MODULES, changed);
}
