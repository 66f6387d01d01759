/** Terraform's language, as far as templates use it: blocks, attributes, lists, objects, references and calls. Knows nothing of who writes it. */
export type Expression =
  | { readonly type: 'literal'; readonly value: string | number | boolean }
  /** `aws_kms_key.enfold.arn`, alone or inside a text. */
  | { readonly type: 'reference'; readonly to: string }
  | { readonly type: 'template'; readonly text: string; readonly references: readonly string[] }
  | { readonly type: 'list'; readonly items: readonly Expression[] }
  | { readonly type: 'object'; readonly members: ReadonlyMap<string, Expression> }
  | { readonly type: 'call'; readonly name: string; readonly given: Expression };
export type Body = { readonly attributes: ReadonlyMap<string, Expression>; readonly blocks: readonly Block[] };
export type Block = { readonly type: string; readonly labels: readonly string[]; readonly body: Body };

const TOKEN = /(?<space>[ \t]+)|(?<line>\n)|(?<text>"(?:[^"\\\n]|\\.|\$\{[^}]*\})*")|(?<number>\d+)|(?<name>[A-Za-z_][\w-]*)|(?<sign>[{}[\]().,=])/y;
type Token = { readonly kind: 'line' | 'text' | 'number' | 'name' | 'sign' | 'end'; readonly text: string };

function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const at = TOKEN.lastIndex;
    const groups = TOKEN.exec(source)?.groups;
    if (groups === undefined) throw new Error(`no Terraform at: ${source.slice(at, at + 40)}`);
    const [kind, text] = Object.entries(groups).find(([, found]) => found !== undefined) as [string, string];
    if (kind !== 'space') tokens.push({ kind: kind as Token['kind'], text });
  }
  return [...tokens, { kind: 'end', text: '' }];
}

/** @throws where it is no Terraform, or a name is given twice. */
export function parseHcl(source: string): Body {
  const tokens = tokensOf(source);
  let at = 0;
  const now = (): Token => tokens[at] ?? { kind: 'end', text: '' };
  const take = (kind: Token['kind'], text?: string): string => {
    const { kind: found, text: given } = now();
    if (found !== kind || (text !== undefined && given !== text)) throw new Error(`${given} instead of ${text ?? kind}`);
    at += 1;
    return given;
  };
  const is = (text: string): boolean => now().kind === 'sign' && now().text === text;
  const skipLines = (): void => {
    while (now().kind === 'line') at += 1;
  };
  const put = <T>(map: Map<string, T>, name: string, value: T): void => {
    if (map.has(name)) throw new Error(`${name} twice`);
    map.set(name, value);
  };
  const textOf = (quoted: string): Expression => {
    const text = JSON.parse(quoted) as string;
    // Two signs stand for one that begins nothing.
    const references = [...text.replaceAll(/\$\$\{|%%\{/g, '').matchAll(/\$\{([^}]*)\}/g)].map(([, to = '']) => to);
    const plain = text.replaceAll(/\$\$(?=\{)/g, '$').replaceAll(/%%(?=\{)/g, '%');
    return references.length === 0 ? { type: 'literal', value: plain } : { type: 'template', text: plain, references };
  };
  const expression = (): Expression => {
    const { kind, text } = now();
    if (kind === 'text') return textOf(take('text'));
    if (kind === 'number') return { type: 'literal', value: Number(take('number')) };
    if (is('[')) {
      take('sign');
      const items: Expression[] = [];
      for (skipLines(); !is(']'); skipLines()) {
        items.push(expression());
        skipLines();
        if (!is(']')) take('sign', ',');
      }
      take('sign', ']');
      return { type: 'list', items };
    }
    if (is('{')) {
      take('sign');
      const members = new Map<string, Expression>();
      for (skipLines(); !is('}'); skipLines()) {
        const name = now().kind === 'text' ? (JSON.parse(take('text')) as string) : take('name');
        take('sign', '=');
        put(members, name, expression());
        if (is(',')) take('sign', ',');
        else if (!is('}')) take('line');
      }
      take('sign', '}');
      return { type: 'object', members };
    }
    take('name');
    if (text === 'true' || text === 'false') return { type: 'literal', value: text === 'true' };
    if (is('(')) {
      take('sign');
      const given = expression();
      take('sign', ')');
      return { type: 'call', name: text, given };
    }
    let to = text;
    while (is('.')) to += take('sign') + take('name');
    return { type: 'reference', to };
  };
  const body = (isTop: boolean): Body => {
    const attributes = new Map<string, Expression>();
    const blocks: Block[] = [];
    for (skipLines(); !is('}') && now().kind !== 'end'; skipLines()) {
      const name = take('name');
      if (is('=')) {
        take('sign');
        put(attributes, name, expression());
      } else {
        const labels: string[] = [];
        while (now().kind === 'text') labels.push(JSON.parse(take('text')) as string);
        take('sign', '{');
        const inner = body(false);
        take('sign', '}');
        blocks.push({ type: name, labels, body: inner });
      }
      if (now().kind !== 'end') take('line');
    }
    if (isTop) take('end');
    return { attributes, blocks };
  };
  return body(true);
}

/** What an expression is where it holds no reference; references are given as text. */
export function valueOf(expression: Expression): unknown {
  switch (expression.type) {
    case 'literal': return expression.value;
    case 'reference': return `\${${expression.to}}`;
    case 'template': return expression.text;
    case 'list': return expression.items.map(valueOf);
    case 'object': return Object.fromEntries([...expression.members].map(([name, member]) => [name, valueOf(member)]));
    case 'call': return valueOf(expression.given);
    default: return expression satisfies never;
  }
}
