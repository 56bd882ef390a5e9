/**
 * Cuts lex-cli's files down to their types. What goes: the Express tails (`HandlerInput` and
 * its siblings), the validators, and with them every value import: a single one would drag
 * 400 KB into the Worker, and a type file has no business at run time.
 */
import { posix as path } from 'node:path'
import { IndentationText, Node, Project, QuoteKind, type SourceFile } from 'ts-morph'
import { banner } from './emit/banner.ts'

/** Where the three types that are not JSON come from. */
export interface Leaves {
  /** Module specifiers, relative to the root of the generated tree. */
  BlobRef: string
  CID: string
}

const TAILS = ['HandlerInput', 'HandlerSuccess', 'HandlerError', 'HandlerOutput']

export const newProject = (): Project =>
  new Project({
    useInMemoryFileSystem: true,
    manipulationSettings: { quoteKind: QuoteKind.Single, indentationText: IndentationText.TwoSpaces },
  })

const depth = (file: string): string => '../'.repeat(file.split('/').length - 1) || './'

function trimFile(source: SourceFile, file: string, leaves: Leaves): void {
  for (const name of TAILS) {
    source.getInterface(name)?.remove()
    source.getTypeAlias(name)?.remove()
  }
  for (const statement of source.getStatements())
    if (Node.isFunctionDeclaration(statement) || Node.isVariableStatement(statement)) statement.remove()
  // `export { type Main as Record, isMain as isRecord }` keeps its type.
  for (const declaration of source.getExportDeclarations())
    for (const name of declaration.getNamedExports()) if (!name.isTypeOnly()) name.remove()
  for (const declaration of source.getImportDeclarations()) declaration.remove()

  // Only what the remaining types name comes back, and only as types.
  const used = new Set(
    source
      .getDescendants()
      .filter(Node.isIdentifier)
      .map((node) => node.getText()),
  )
  const from = (specifier: string, names: string[]): void => {
    const namedImports = names.filter((name) => used.has(name))
    if (namedImports.length > 0)
      source.addImportDeclaration({ isTypeOnly: true, namedImports, moduleSpecifier: specifier })
  }
  const relative = (specifier: string) =>
    specifier.startsWith('.') ? path.join(depth(file), specifier) : specifier
  from(relative(leaves.BlobRef), ['BlobRef'])
  from(relative(leaves.CID), ['CID'])
  from(`${depth(file)}util.ts`, ['$Typed', 'OmitKey'])
}

/** The namespace imports between type files (`import type * as X from './defs.js'`). */
function neighbours(source: SourceFile): { name: string; specifier: string }[] {
  return source.getImportDeclarations().flatMap((declaration) => {
    const name = declaration.getNamespaceImport()?.getText()
    return name ? [{ name, specifier: declaration.getModuleSpecifierValue().replace(/\.js$/, '.ts') }] : []
  })
}

/** lex-cli's `types/**` and `util.ts`, trimmed to types, by path below `prefix`. */
export function trim(raw: Map<string, string>, leaves: Leaves): Map<string, string> {
  const project = newProject()
  const out = new Map<string, string>()
  for (const [file, text] of raw) {
    if (!file.startsWith('types/')) continue
    const source = project.createSourceFile(file, text)
    const others = neighbours(source)
    trimFile(source, file, leaves)
    const body = source.getFullText()
    for (const { name, specifier } of others)
      if (new RegExp(`\\b${name}\\b`).test(body))
        source.addImportDeclaration({ isTypeOnly: true, namespaceImport: name, moduleSpecifier: specifier })
    const text1 = source.getFullText().replace(/^\/\*\*\n \* GENERATED CODE - DO NOT MODIFY\n \*\/\n/, '')
    out.set(file, banner('trim.ts') + text1.trimStart())
  }
  const util = project.createSourceFile('util.ts', raw.get('util.ts') ?? '')
  for (const statement of util.getStatements())
    if (!Node.isTypeAliasDeclaration(statement) || !['OmitKey', '$Typed'].includes(statement.getName()))
      statement.remove()
  out.set('util.ts', banner('trim.ts') + util.getFullText().trimStart())
  return out
}
