// Draws /openapi.json: every route with its parameters, what it takes and answers, and how it is asked.
'use strict';

const byId = (id) => document.getElementById(id);

// An element with attributes and children; text is always text.
function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
  for (const child of children.flat()) element.append(child);
  return element;
}

// Text in which what stands between backticks is code.
function prose(text) {
  return text.split('`').map((part, nth) => (nth % 2 ? make('code', {}, part) : part));
}

function resolved(schema, root) {
  let depth = 0;
  while (schema && schema.$ref && depth++ < 8) {
    schema = schema.$ref.slice(2).split('/').reduce((at, key) => at && at[key.replace(/~1/g, '/').replace(/~0/g, '~')], root);
  }
  return schema || {};
}

// A schema in a word or two.
function kind(schema, root) {
  if (schema === true) return 'anything';
  const name = schema.$ref ? schema.$ref.split('/').pop() : '';
  const it = resolved(schema, root);
  const alternatives = it.anyOf || it.oneOf;
  if (alternatives) return alternatives.map((one) => kind(one, root)).join(' or ');
  const types = Array.isArray(it.type) ? it.type : it.type ? [it.type] : [];
  let said = types.map((type) => (type === 'array' ? `list of ${kind(it.items || true, root)}` : type)).join(' or ');
  if (it.enum) said = it.enum.map((value) => JSON.stringify(value)).join(' or ');
  if (it.const !== undefined) said = JSON.stringify(it.const);
  const bounds = [];
  if (it.minimum !== undefined) bounds.push(`from ${it.minimum}`);
  if (it.maximum !== undefined) bounds.push(`to ${it.maximum}`);
  if (it.maxLength !== undefined) bounds.push(`at most ${it.maxLength} characters`);
  if (it.maxItems !== undefined) bounds.push(`at most ${it.maxItems}`);
  if (it.default !== undefined && it.default !== null) bounds.push(`usually ${JSON.stringify(it.default)}`);
  if (name && (types.includes('object') || it.properties)) said = name;
  return [said || 'anything', ...bounds].join(', ');
}

// The members of an object, and of the objects in it.
function members(schema, root, path, depth, seen) {
  const it = resolved(schema.anyOf && !path ? schema.anyOf[0] : schema, root);
  const rows = [];
  for (const one of it.allOf || []) rows.push(...members(one, root, path, depth, seen));
  const required = it.required || [];
  for (const [name, value] of Object.entries(it.properties || {})) {
    const place = path ? `${path}.${name}` : name;
    const about = (value.description || resolved(value, root).description || '').split('\n')[0];
    rows.push([place, required.includes(name), kind(value, root), about]);
    for (const inner of [value, ...(value.anyOf || [])]) {
      const item = resolved(inner, root).items || inner;
      const key = item.$ref;
      if (depth < 3 && key && !seen.includes(key)) rows.push(...members(item, root, place, depth + 1, [...seen, key]));
    }
  }
  return rows;
}

function table(rows) {
  if (!rows.length) return make('p', { class: 'dim' }, 'nothing');
  const list = make('dl');
  for (const [name, required, type, about] of rows) {
    list.append(make('dt', {}, name, required ? ' *' : ''), make('dd', {}, prose(about ? `${about} ` : ''), make('small', {}, type)));
  }
  return list;
}

function example(schema, root, depth) {
  const it = resolved(schema, root);
  if (it.default !== undefined && it.default !== null) return it.default;
  if (it.enum) return it.enum[0];
  const alternatives = (it.anyOf || it.oneOf || []).filter((one) => resolved(one, root).type !== 'null');
  if (alternatives.length) return example(alternatives[0], root, depth + 1);
  const type = Array.isArray(it.type) ? it.type.find((one) => one !== 'null') : it.type;
  if (type === 'object' || it.properties) {
    const filled = {};
    for (const name of it.required || []) if (depth < 4) filled[name] = example(it.properties[name], root, depth + 1);
    return filled;
  }
  if (type === 'array') return it.minItems ? Array.from({ length: it.minItems }, () => example(it.items || {}, root, depth + 1)) : [];
  if (type === 'integer' || type === 'number') return it.minimum || 1;
  if (type === 'boolean') return true;
  return '…';
}

function curl(method, path, operation, root) {
  const named = path.replace(/\{(\w+)\}/g, (_, name) => name.toUpperCase());
  const required = (operation.parameters || []).filter((one) => one.in === 'query' && one.required);
  const query = required.length ? `?${required.map((one) => `${one.name}=…`).join('&')}` : '';
  const lines = [`curl ${method === 'get' ? '' : `-X ${method.toUpperCase()} `}'${location.origin}${named}${query}'`];
  if (!operation.security || operation.security.length) lines.push(`  -H "Authorization: Bearer $FAC_KEY"`);
  const content = operation.requestBody && operation.requestBody.content['application/json'];
  if (content) {
    lines.push(`  -H 'Content-Type: application/json'`);
    lines.push(`  -d '${JSON.stringify(example(content.schema, root, 0)).replace(/'/g, "'\\''")}'`);
  }
  return lines.join(' \\\n');
}

function answers(operation, root) {
  const list = make('dl');
  for (const [status, answer] of Object.entries(operation.responses)) {
    const it = resolved(answer, root);
    const content = Object.entries(it.content || {}).map(([media, one]) => `${media}${one.schema ? `: ${kind(one.schema, root)}` : ''}`);
    list.append(make('dt', {}, status), make('dd', {}, prose(`${it.description || ''} `), make('small', {}, content.join('; '))));
  }
  return list;
}

function body(method, path, operation, root) {
  const block = make('div');
  const permission = operation['x-permission'];
  const open = operation.security && !operation.security.length;
  block.append(make('p', {}, permission ? `Needs ${permission}.` : open ? 'For everybody.' : 'For everybody who says who they are.'));
  if (operation.description) block.append(make('p', {}, prose(operation.description)));
  if (operation.parameters) {
    const rows = operation.parameters.map((one) => [`${one.name} (${one.in})`, one.required, kind(one.schema || true, root), one.description || '']);
    block.append(make('h3', {}, 'Parameters'), table(rows));
  }
  const content = operation.requestBody && operation.requestBody.content['application/json'];
  if (content) block.append(make('h3', {}, 'It takes'), table(members(content.schema, root, '', 0, [])));
  const good = Object.entries(operation.responses).find(([status]) => status.startsWith('2'));
  const json = good && good[1].content && good[1].content['application/json'];
  if (json) block.append(make('h3', {}, 'It answers'), table(members(json.schema, root, '', 0, [])));
  block.append(make('h3', {}, 'Statuses'), answers(operation, root));
  block.append(make('h3', {}, 'For example'), make('pre', {}, make('code', {}, curl(method, path, operation, root))));
  return block;
}

function draw(root) {
  byId('version').textContent = root.info.version;
  byId('about').replaceChildren(...prose(root.info.description));
  const groups = new Map();
  for (const [path, methods] of Object.entries(root.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = (operation.tags || ['others'])[0] || 'others';
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push([method, path, operation]);
    }
  }
  const main = byId('routes');
  main.textContent = '';
  for (const [tag, routes] of groups) {
    byId('tags').append(make('a', { href: `#${tag}` }, tag));
    const section = make('section', { 'aria-label': tag }, make('h2', { id: tag }, tag));
    for (const [method, path, operation] of routes) {
      const line = make('summary', {}, make('span', { class: `method ${method}` }, method.toUpperCase()), ' ', make('code', {}, path), make('br'), operation.summary || '');
      const details = make('details', { id: operation.operationId }, line);
      details.dataset.words = [method, path, operation.summary, operation['x-permission'], tag].join(' ').toLowerCase();
      // What is closed is not drawn: a phone has better things to do.
      details.addEventListener('toggle', () => {
        if (details.open && details.children.length === 1) details.append(body(method, path, operation, root));
      });
      section.append(details);
    }
    main.append(section);
  }
  const others = make('section', { 'aria-label': 'compatible' }, make('h2', { id: 'compatible' }, 'compatible'));
  byId('tags').append(make('a', { href: '#compatible' }, 'compatible'));
  for (const { method, path, summary, permission } of root['x-compatible'] || []) {
    const name = make('span', { class: `method ${method.toLowerCase()}` }, method);
    const details = make('details', {}, make('summary', {}, name, ' ', make('code', {}, path), make('br'), summary));
    details.append(make('p', {}, `${permission ? `Needs ${permission}. ` : ''}Its maker's own documents and clients fit.`));
    details.dataset.words = [method, path, summary, permission, 'compatible'].join(' ').toLowerCase();
    others.append(details);
  }
  main.append(others);
  const search = () => {
    const words = byId('search').value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const details of main.querySelectorAll('details')) {
      const fits = words.every((word) => details.dataset.words.includes(word));
      details.hidden = !fits;
      if (fits) shown += 1;
    }
    for (const section of main.querySelectorAll('section')) section.hidden = !section.querySelector('details:not([hidden])');
    byId('count').textContent = `${shown} routes`;
  };
  byId('search').addEventListener('input', search);
  search();
  const named = location.hash && byId(decodeURIComponent(location.hash.slice(1)));
  if (named && named.tagName === 'DETAILS') { named.open = true; named.scrollIntoView(); }
}

fetch('/openapi.json')
  .then((answer) => { if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`); return answer.json(); })
  .then(draw)
  .catch((error) => { byId('routes').textContent = `It could not be read: ${error.message}`; });
