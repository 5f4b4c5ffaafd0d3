// LaTeX as the library writes it, as MathML, which browsers draw by themselves. What is not of this small language throws, and the caller
// shows the LaTeX. Elements are made one by one and text is text: nothing is read as HTML.
const NAMESPACE = "http://www.w3.org/1998/Math/MathML";
const LETTERS = {
  alpha: "α", beta: "β", gamma: "γ", delta: "δ", epsilon: "ε", eta: "η", theta: "θ", kappa: "κ", lambda: "λ", mu: "μ", pi: "π", rho: "ρ",
  sigma: "σ", tau: "τ", phi: "φ", varphi: "φ", xi: "ξ", Phi: "Φ", Gamma: "Γ", infty: "∞", ell: "ℓ",
};
const OPERATORS = { cdots: "⋯", ldots: "…", cdot: "·", times: "×", pm: "±", approx: "≈", le: "≤", leq: "≤", ge: "≥", geq: "≥", ne: "≠", sim: "∼", to: "→" };
const FUNCTIONS = ["exp", "log", "ln", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arctan", "max", "min"];
const SPACES = { ",": "0.17em", ";": "0.28em", ":": "0.22em", "!": "0", " ": "0.25em", quad: "1em", qquad: "2em" };

function element(name, children = [], attributes = {}) {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const row = (children) => (children.length === 1 ? children[0] : element("mrow", children));

function tokens(latex) {
  const pattern = /\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|[A-Za-z]|[{}^_\[\]()|+\-=<>,/*!~.:;]|\s+|(.)/gu;
  const found = [];
  for (const match of latex.matchAll(pattern)) {
    if (match[1] !== undefined) throw new Error(`unknown character ${match[1]}`);
    if (match[0].trim()) found.push(match[0]);
  }
  return found;
}

class Reader {
  constructor(latex) { this.tokens = tokens(latex); this.at = 0; }
  peek() { return this.tokens[this.at]; }
  next() {
    if (this.at >= this.tokens.length) throw new Error("the formula ends early");
    return this.tokens[this.at++];
  }
  take(token) { if (this.next() !== token) throw new Error(`${token} is missing`); }

  // Everything up to an end token, with superscripts and subscripts.
  list(...ends) {
    const found = [];
    while (this.at < this.tokens.length && !ends.includes(this.peek())) found.push(this.scripted());
    return found;
  }

  scripted() {
    const base = this.atom();
    let up, down;
    while (this.peek() === "^" || this.peek() === "_") {
      if (this.next() === "^") up = this.argument(); else down = this.argument();
    }
    if (up && down) return element("msubsup", [base, down, up]);
    return up ? element("msup", [base, up]) : down ? element("msub", [base, down]) : base;
  }

  argument() {
    if (this.peek() !== "{") return this.atom();
    this.take("{");
    const found = this.list("}");
    this.take("}");
    return row(found);
  }

  words() {
    this.take("{");
    let text = "";
    while (this.peek() !== "}") text += this.next();
    this.take("}");
    return text;
  }

  atom() {
    const token = this.next();
    if (/^\d/.test(token)) return element("mn", [token]);
    if (/^[A-Za-z]$/.test(token)) return element("mi", [token]);
    if (token === "-") return element("mo", ["−"]);
    if (token === "~") return element("mspace", [], { width: "0.25em" });
    if (/^[()\[\]|]$/.test(token)) return element("mo", [token], { stretchy: "false" });
    if (/^[+=<>,/*!.:;]$/.test(token)) return element("mo", [token]);
    if (token === "{") { this.at -= 1; return this.argument(); }
    const name = token.slice(1);
    if (name in SPACES) return element("mspace", [], { width: SPACES[name] });
    if (name in LETTERS) return element("mi", [LETTERS[name]]);
    if (name in OPERATORS) return element("mo", [OPERATORS[name]]);
    if (FUNCTIONS.includes(name)) return element("mi", [name], { mathvariant: "normal" });
    if (["frac", "tfrac", "dfrac"].includes(name)) return element("mfrac", [this.argument(), this.argument()]);
    if (name === "sqrt") {
      if (this.peek() !== "[") return element("msqrt", [this.argument()]);
      this.take("[");
      const index = row(this.list("]"));
      this.take("]");
      return element("mroot", [this.argument(), index]);
    }
    if (name === "hat" || name === "widehat") return element("mover", [this.argument(), element("mo", ["ˆ"], { stretchy: "false" })], { accent: "true" });
    if (name === "mathrm" || name === "operatorname" || name === "text") {
      return element("mi", [this.words()], { mathvariant: "normal" });
    }
    if (name === "left") {
      const open = this.next(), inner = this.list("\\right");
      this.take("\\right");
      const close = this.next();
      const fence = (sign) => (sign === "." ? [] : [element("mo", [sign.replace("\\", "")])]);
      return element("mrow", [...fence(open), ...inner, ...fence(close)]);
    }
    throw new Error(`unknown command ${token}`);
  }
}

export function mathml(latex, display = false) {
  const reader = new Reader(latex), found = reader.list();
  if (reader.at < reader.tokens.length) throw new Error("the formula is not read to its end");
  return element("math", [element("mrow", found)], display ? { display: "block" } : {});
}

// A formula drawn, or as its LaTeX where it is not of the language above.
export function formula(latex, display = false) {
  try {
    const made = mathml(latex, display);
    made.setAttribute("aria-label", latex);
    return made;
  } catch {
    const code = document.createElement("code");
    code.textContent = latex;
    return code;
  }
}
