{
  "use strict";
  const at = (id) => document.getElementById(`what-if-${id}`);
  // Three digits, as the report shows them.
  const digits = (x) => x === 0 ? "0" : x.toLocaleString(
    "en-US", { minimumSignificantDigits: 3, maximumSignificantDigits: 3 });
  const scaled = (x, units) => {
    let i = 0;
    while (i + 1 < units.length && Math.abs(x) >= units[i + 1][0] * 0.9995) i++;
    return `${digits(x / units[i][0])} ${units[i][1]}`;
  };
  const units = (names, first = 1) => names.map((name, i) => [first * 1000 ** i, name]);
  const count = (x) => Math.abs(x) < 1000 ? x.toLocaleString(
    "en-US", { maximumFractionDigits: 0 }) : digits(x);
  const money = (x) => Math.abs(x) < 999.5
    ? `${x.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })} ${page.currency}`
    : scaled(x, [[1e3, "k"], [1e6, "M"], [1e9, "B"]].map(([n, s]) => [n, `${s} ${page.currency}`]));
  const shown = {
    raw: (x) => scaled(x, units(["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB"])),
    drives: count,
    racks: count,
    power: (x) => scaled(x, units(["W", "kW", "MW", "GW"], 1e-6)),
    cost: money,
  };
  const reported = Object.fromEntries(
    Object.keys(page.figures).map((id) => [id, at(`${id}-reported`).textContent]));
  const state = {};

  // Nines are of the drives that the report has: of those that hold more, they are fewer.
  const nines = (choice, held, usual) => {
    if (choice.most === null || Math.abs(held - usual) <= 1e-12 * usual) return choice.nines;
    if (held < usual) return `${choice.nines} or more`;
    return held > usual ? `${choice.most} at most` : "unknown";
  };
  const compute = () => {
    const inputs = {};
    for (const { id, path, value, scale } of page.sliders) {
      if (path && state[id] !== value) inputs[path] = state[id] * scale;
    }
    return bills[state.parity](inputs);
  };
  const show = () => {
    const changed = page.sliders.filter(({ id, value }) => state[id] !== value).map(({ id }) => id);
    const figures = compute();
    const choice = page.choices[state.parity];
    const usual = bills[state.parity]({});
    for (const [id, path] of Object.entries(page.figures)) {
      let text = reported[id];
      if (!figures.conditions) text = "needs another build";
      else if (id === "nines") text = nines(choice, figures[page.held], usual[page.held]);
      else if (changed.length) {
        const value = figures[path];
        text = Number.isFinite(value) ? shown[id](value) : "unknown";
      }
      at(`${id}-now`).textContent = text;
    }
    at("code").textContent = choice.code;
    at("note").textContent = figures.conditions ? ""
      : "These inputs need another build than the report's: size it again with them.";
    at("reset").disabled = !changed.length;
  };
  // The slider and the number beside it are one input.
  const set = (id, value, source) => {
    state[id] = value;
    const slider = at(`${id}-slider`), number = at(`${id}-number`);
    if (slider !== source) slider.value = String(value);
    if (number !== source) number.value = String(Number(value.toPrecision(6)));
    if (source) show();
  };
  const reset = () => {
    state.parity = page.chosen;
    for (const { id, value } of page.sliders) set(id, value);
    show();
  };
  for (const { id } of page.sliders) {
    const slider = at(`${id}-slider`), number = at(`${id}-number`);
    slider.addEventListener("input", () => set(id, Number(slider.value), slider));
    number.addEventListener("input", () => {
      // What is half typed changes nothing.
      if (number.value !== "" && number.checkValidity()) set(id, Number(number.value), number);
    });
    number.addEventListener("change", () => {
      const least = Number(slider.min), most = Number(slider.max);
      const whole = slider.step === "1" ? Math.round(number.value) : Number(number.value);
      set(id, number.value === "" ? state[id] : Math.min(Math.max(whole, least), most));
      show();
    });
  }
  at("reset").addEventListener("click", reset);
  reset();
  for (const part of ["", "-link"]) document.getElementById(`what-if${part}`).hidden = false;
}
