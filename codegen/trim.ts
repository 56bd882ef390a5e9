import { posix as path } from 'node:path'
import { IndentationText, Node, Project, QuoteKind, type SourceFile } from 'ts-morph'
import { banner } from './emit/banner.ts'

const EXPRESS_TYPES = ['HandlerInput', 'HandlerSuccess', 'HandlerError', 'HandlerOutput']

export const newProject = (): Project =>
  new Project({
    useInMemoryFileSystem: true,
    manipulationSettings: { quoteKind: QuoteKind.Single, indentationText: IndentationText.TwoSpaces },
  })

/** A file of types, apart from its imports. */
interface TypeFile {
  body: string
  /** Every identifier in the body: only what the types name is imported. */
  names: Set<string>
  /** The files that it may import as a namespace, by the namespace's name. */
  neighbours: Map<string, string>
}

/** Removes what is not a type, and the imports. */
function cut(source: SourceFile): void {
  for (const name of EXPRESS_TYPES) {
    source.getInterface(name)?.remove()
    source.getTypeAlias(name)?.remove()
  }
  for (const statement of source.getStatements())
    if (Node.isFunctionDeclaration(statement) || Node.isVariableStatement(statement)) statement.remove()
  // `export { type Main as Record, isMain as isRecord }` keeps its type.
  for (const declaration of source.getExportDeclarations())
    for (const name of declaration.getNamedExports()) if (!name.isTypeOnly()) name.remove()
  for (const declaration of source.getImportDeclarations()) declaration.remove()
}

function readTypes(source: SourceFile, file: string): TypeFile {
  const namespaces = source.getImportDeclarations().flatMap((declaration): [string, string][] => {
    const name = declaration.getNamespaceImport()?.getText()
    const target = declaration.getModuleSpecifierValue().replace(/\.js$/, '.ts')
    return name ? [[name, path.join(path.dirname(file), target)]] : []
  })
  cut(source)
  const identifiers = source.getDescendants().filter(Node.isIdentifier)
  const names = new Set(identifiers.map((node) => node.getText()))
  return {
    body: source
      .getFullText()
      .replace(/^\/\*\*\n \* GENERATED CODE - DO NOT MODIFY\n \*\/\n/, '')
      .trimStart(),
    names,
    neighbours: new Map(namespaces.filter(([name]) => names.has(name))),
  }
}

/** The two types that are not JSON: the server takes the libraries' classes, the published client plain objects. */
const LEAVES = {
  server: { BlobRef: '@atproto/lexicon', CID: 'multiformats/cid' },
  client: { BlobRef: '../client/json.ts', CID: '../client/json.ts' },
}

/**
 * The files whose types differ between server and client: those that name a leaf, and those that refer to one of
 * them.
 */
function differing(files: Map<string, TypeFile>): Set<string> {
  const found = new Set<string>()
  for (let before = -1; before < found.size;) {
    before = found.size
    for (const [file, { names, neighbours }] of files)
      if (
        names.has('BlobRef') ||
        names.has('CID') ||
        [...neighbours.values()].some((other) => found.has(other))
      )
        found.add(file)
  }
  return found
}

const relative = (from: string, to: string): string => {
  const specifier = path.relative(path.dirname(from), to)
  return specifier.startsWith('.') ? specifier : `./${specifier}`
}

/** The text of a file at `target`, where `locate` says where the others are. */
function render(
  target: string,
  { body, names, neighbours }: TypeFile,
  leaves: Record<string, string>,
  locate: (file: string) => string,
): string {
  const from = (specifier: string, wanted: string[]): string[] => {
    const used = wanted.filter((name) => names.has(name)).join(', ')
    return used ? [`import type { ${used} } from '${specifier}';\n`] : []
  }
  const imports = [
    ...Object.entries(leaves).flatMap(([name, specifier]) =>
      from(specifier.startsWith('.') ? relative(target, specifier) : specifier, [name]),
    ),
    ...from(relative(target, 'util.ts'), ['$Typed', 'OmitKey']),
    ...[...neighbours].map(
      ([name, file]) => `import type * as ${name} from '${relative(target, locate(file))}';\n`,
    ),
  ]
  return `${banner('trim.ts')}${imports.join('')}${imports.length > 0 ? '\n' : ''}${body}`
}

/**
 * Cuts lex-cli's files down to their types, by path below `src/generated/`. What goes: the Express tails
 * (`HandlerInput` and its siblings), the validators, and with them every value import: a single one would bring
 * 400 KB into the Worker, and a type file has no business at run time. A file that is the same for server and client
 * is in `types/` only; `client/types/` holds the client's own form of the others.
 */
export function trim(raw: Map<string, string>): Map<string, string> {
  const project = newProject()
  const files = new Map(
    [...raw]
      .filter(([file]) => file.startsWith('types/'))
      .map(([file, text]) => [file, readTypes(project.createSourceFile(file, text), file)]),
  )
  const own = differing(files)
  const clientFile = (file: string): string => (own.has(file) ? `client/${file}` : file)
  const out = new Map<string, string>()
  for (const [file, types] of files) {
    out.set(
      file,
      render(file, types, LEAVES.server, (other) => other),
    )
    if (own.has(file)) out.set(clientFile(file), render(clientFile(file), types, LEAVES.client, clientFile))
  }
  const util = project.createSourceFile('util.ts', raw.get('util.ts') ?? '')
  for (const statement of util.getStatements())
    if (!Node.isTypeAliasDeclaration(statement) || !['OmitKey', '$Typed'].includes(statement.getName()))
      statement.remove()
  out.set('util.ts', banner('trim.ts') + util.getFullText().trimStart())
  return out
}
