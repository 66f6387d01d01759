/** Checks resources against the schemas that AWS publishes for CloudFormation, as a package carries them. */
import { loadAwsServiceSpecSync } from '@aws-cdk/aws-service-spec';

type Database = ReturnType<typeof loadAwsServiceSpecSync>;
type Type = { readonly type: string; readonly element?: Type; readonly types?: readonly Type[]; readonly reference?: { readonly $ref: string }; readonly allowedValues?: readonly string[] };
type Properties = Readonly<Record<string, { readonly type: Type; readonly required?: boolean }>>;

let loaded: Database | null = null;

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
/** What CloudFormation puts in the place of such an object is known only to it. */
const isIntrinsic = (value: unknown): boolean => isObject(value) && Object.keys(value).length === 1 && /^(Ref|Fn::\w+)$/.test(Object.keys(value)[0] ?? '');

/** What is wrong with a resource, by where; empty where it fits its schema. */
export function problemsOf(resource: { readonly Type: string; readonly Properties: unknown }): string[] {
  const database = (loaded ??= loadAwsServiceSpecSync());
  const spec = database.lookup('resource', 'cloudFormationType', 'equals', resource.Type).only();
  const problems: string[] = [];
  const checkProperties = (properties: Properties, value: unknown, at: string): void => {
    if (!isObject(value)) return void problems.push(`${at} is no object`);
    for (const name of Object.keys(value)) if (!(name in properties)) problems.push(`${at}.${name} is not known`);
    for (const [name, { type, required }] of Object.entries(properties)) {
      if (value[name] === undefined) {
        if (required === true) problems.push(`${at}.${name} is missing`);
      } else check(type, value[name], `${at}.${name}`);
    }
  };
  const check = (type: Type, value: unknown, at: string): void => {
    if (isIntrinsic(value)) return;
    switch (type.type) {
      case 'string': case 'date-time':
        if (typeof value !== 'string') problems.push(`${at} is no text`);
        else if (type.allowedValues !== undefined && !type.allowedValues.includes(value)) problems.push(`${at} is ${value}`);
        return;
      case 'boolean': case 'number':
        if (typeof value !== type.type) problems.push(`${at} is no ${type.type}`);
        return;
      case 'integer':
        if (!Number.isInteger(value)) problems.push(`${at} is no integer`);
        return;
      case 'array':
        if (!Array.isArray(value)) return void problems.push(`${at} is no list`);
        for (const [index, item] of value.entries()) if (type.element !== undefined) check(type.element, item, `${at}[${index}]`);
        return;
      case 'json':
        if (!isObject(value)) problems.push(`${at} is no JSON object`);
        return;
      case 'ref': {
        const definition = database.get('typeDefinition', type.reference?.$ref ?? '') as { readonly properties: Properties };
        return checkProperties(definition.properties, value, at);
      }
      case 'union': {
        const fits = (type.types ?? []).map((each) => {
          const before = problems.length;
          check(each, value, at);
          return problems.splice(before);
        });
        if (!fits.some((found) => found.length === 0)) problems.push(...fits.flat());
        return;
      }
      default:
        problems.push(`${at} has a type that this check does not know: ${type.type}`);
    }
  };
  checkProperties(spec.properties as unknown as Properties, resource.Properties, resource.Type);
  return problems;
}
