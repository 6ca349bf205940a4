/** JSON text over several lines, two spaces a level unless given. Only blanks are added, so that no number loses a digit. */
export function indentJson(json: string, indent = '  '): string {
  let level = 0;
  return json.replaceAll(/"(?:[^"\\]|\\.)*"|\[\]|\{\}|[[{]|[\]}]|,|:/g, (token) => {
    switch (token) {
      case '{':
      case '[':
        level += 1;
        return `${token}\n${indent.repeat(level)}`;
      case '}':
      case ']':
        level -= 1;
        return `\n${indent.repeat(level)}${token}`;
      case ',':
        return `,\n${indent.repeat(level)}`;
      case ':':
        return ': ';
      default:
        return token;
    }
  });
}
