/** Checks Terraform against the schemas that the providers publish, as `scripts/terraform-schema.mjs` took them from the packages made of them. */
import { readFileSync } from 'node:fs';
import { parseHcl, type Block, type Body, type Expression } from './hcl.ts';

type Schema = { readonly required?: true; readonly attributes: Readonly<Record<string, { readonly type: string; readonly required?: true }>>; readonly blocks?: Readonly<Record<string, Schema>> };
type Published = { readonly providers: Readonly<Record<string, { readonly version: string }>>; readonly resources: Readonly<Record<string, Schema & { readonly readable: readonly string[] }>> };

const published = JSON.parse(readFileSync(new URL('../vectors/terraform-schema.json', import.meta.url), 'utf8')) as Published;
/** Terraform's own, which every resource may have. */
const META: Readonly<Record<string, Schema>> = { lifecycle: { attributes: { prevent_destroy: { type: 'boolean' }, create_before_destroy: { type: 'boolean' } } } };

function typeProblem(expression: Expression, type: string): string | null {
  switch (expression.type) {
    case 'literal': return typeof expression.value === type ? null : `is ${JSON.stringify(expression.value)}`;
    case 'template': return type === 'string' ? null : 'is text';
    case 'call': return expression.name === 'jsonencode' && type === 'string' ? null : `is ${expression.name}()`;
    // What it is where it points is not in the schema.
    case 'reference': return null;
    case 'list': {
      const [, of] = /^(?:list|set) of (\w+)$/.exec(type) ?? [];
      return of === undefined ? 'is a list' : (expression.items.map((item) => typeProblem(item, of)).find((problem) => problem !== null) ?? null);
    }
    case 'object': return type.startsWith('map') ? null : 'is an object';
    default: return expression satisfies never;
  }
}

function bodyProblems({ attributes, blocks }: Body, schema: Schema, where: string): string[] {
  const inner = { ...schema.blocks };
  return [
    ...[...attributes].flatMap(([name, expression]) => {
      const known = schema.attributes[name];
      if (known === undefined) return [`${where}.${name} is not known`];
      const problem = typeProblem(expression, known.type);
      return problem === null ? [] : [`${where}.${name} ${problem}`];
    }),
    ...blocks.flatMap((block) => {
      const known = inner[block.type];
      return known === undefined || block.labels.length > 0 ? [`${where}.${block.type} is no known block`] : bodyProblems(block.body, known, `${where}.${block.type}`);
    }),
    ...Object.entries(schema.attributes).filter(([name, { required }]) => required === true && !attributes.has(name)).map(([name]) => `${where}.${name} is missing`),
    ...Object.entries(inner).filter(([name, { required }]) => required === true && !blocks.some(({ type }) => type === name)).map(([name]) => `${where}.${name} is missing`),
  ];
}

function referencesOf(body: Body): string[] {
  const of = (expression: Expression): string[] => {
    switch (expression.type) {
      case 'literal': return [];
      case 'reference': return [expression.to];
      case 'template': return [...expression.references];
      case 'list': return expression.items.flatMap(of);
      case 'object': return [...expression.members.values()].flatMap(of);
      case 'call': return of(expression.given);
      default: return expression satisfies never;
    }
  };
  return [...[...body.attributes.values()].flatMap(of), ...body.blocks.flatMap((block) => referencesOf(block.body))];
}

const isAtLeast = (version: string, least: string): boolean => {
  const [a, b] = [version, least].map((text) => text.split('.').map(Number)) as [number[], number[]];
  for (let index = 0; index < b.length; index += 1) if ((a[index] ?? 0) !== (b[index] ?? 0)) return (a[index] ?? 0) > (b[index] ?? 0);
  return true;
};

function requirementProblems({ body }: Block): string[] {
  const required = body.blocks.find(({ type }) => type === 'required_providers')?.body.attributes ?? new Map<string, Expression>();
  return [...required].flatMap(([name, expression]) => {
    const member = (which: string): string => {
      const found = expression.type === 'object' ? expression.members.get(which) : undefined;
      return found?.type === 'literal' ? String(found.value) : '';
    };
    const known = published.providers[`registry.terraform.io/${member('source')}`];
    const least = /^>= ([\d.]+)$/.exec(member('version'))?.[1];
    return known !== undefined && least !== undefined && isAtLeast(known.version, least) ? [] : [`provider ${name} ${member('source')} ${member('version')} is not the one that was published`];
  });
}

/** What is wrong with a whole file; empty: it fits. */
export function terraformProblems(source: string): string[] {
  const { attributes, blocks } = parseHcl(source);
  const addresses = new Map(blocks.filter(({ type }) => type === 'resource' || type === 'data').map(({ type, labels: [kind = '', name = ''] }) => [`${type === 'data' ? 'data.' : ''}${kind}.${name}`, `${type === 'data' ? 'data.' : ''}${kind}`]));
  return [
    ...[...attributes.keys()].map((name) => `${name} stands outside of a block`),
    ...blocks.flatMap((block) => {
      const { type, labels, body } = block;
      if (type === 'terraform') return requirementProblems(block);
      if (type === 'provider') return labels[0] === 'aws' ? [] : [`provider ${labels.join(' ')} is not known`];
      const kind = `${type === 'data' ? 'data.' : ''}${labels[0] ?? ''}`;
      const schema = type === 'resource' || type === 'data' ? published.resources[kind] : undefined;
      return schema === undefined || labels.length !== 2 ? [`${type} ${labels.join(' ')} is not known`] : bodyProblems(body, { ...schema, blocks: { ...schema.blocks, ...META } }, kind);
    }),
    ...blocks.flatMap(({ body }) => referencesOf(body)).flatMap((to) => {
      const address = [...addresses.keys()].find((each) => to.startsWith(`${each}.`));
      const schema = address === undefined ? undefined : published.resources[addresses.get(address) ?? ''];
      return schema?.readable.includes(to.slice((address ?? '').length + 1)) === true ? [] : [`${to} points nowhere`];
    }),
  ];
}
