
import { createRequire as requireOf } from "node:module";
const require = requireOf(import.meta.url);
var __defProp = Object.defineProperty;
var __getOwnPropNames = Object.getOwnPropertyNames;
var __esm = (fn, res, err) => function __init() {
  if (err) throw err[0];
  try {
    return fn && (res = (0, fn[__getOwnPropNames(fn)[0]])(fn = 0)), res;
  } catch (e) {
    throw err = [e], e;
  }
};
var __export = (target, all) => {
  for (var name in all)
    __defProp(target, name, { get: all[name], enumerable: true });
};

// node_modules/environment/index.js
var isBrowser, isNode, isBun, isDeno, isElectron, isJsDom, isWebWorker, isDedicatedWorker, isSharedWorker, isServiceWorker, platform, isMacOs, isWindows, isLinux, isIos, isAndroid;
var init_environment = __esm({
  "node_modules/environment/index.js"() {
    isBrowser = globalThis.window?.document !== void 0;
    isNode = globalThis.process?.versions?.node !== void 0;
    isBun = globalThis.process?.versions?.bun !== void 0;
    isDeno = globalThis.Deno?.version?.deno !== void 0;
    isElectron = globalThis.process?.versions?.electron !== void 0;
    isJsDom = globalThis.navigator?.userAgent?.includes("jsdom") === true;
    isWebWorker = typeof WorkerGlobalScope !== "undefined" && globalThis instanceof WorkerGlobalScope;
    isDedicatedWorker = typeof DedicatedWorkerGlobalScope !== "undefined" && globalThis instanceof DedicatedWorkerGlobalScope;
    isSharedWorker = typeof SharedWorkerGlobalScope !== "undefined" && globalThis instanceof SharedWorkerGlobalScope;
    isServiceWorker = typeof ServiceWorkerGlobalScope !== "undefined" && globalThis instanceof ServiceWorkerGlobalScope;
    platform = globalThis.navigator?.userAgentData?.platform;
    isMacOs = platform === "macOS" || globalThis.navigator?.platform === "MacIntel" || globalThis.navigator?.userAgent?.includes(" Mac ") === true || globalThis.process?.platform === "darwin";
    isWindows = platform === "Windows" || globalThis.navigator?.platform === "Win32" || globalThis.process?.platform === "win32";
    isLinux = platform === "Linux" || globalThis.navigator?.platform?.startsWith("Linux") === true || globalThis.navigator?.userAgent?.includes(" Linux ") === true || globalThis.process?.platform === "linux";
    isIos = platform === "iOS" || globalThis.navigator?.platform === "MacIntel" && globalThis.navigator?.maxTouchPoints > 1 || /iPad|iPhone|iPod/.test(globalThis.navigator?.platform);
    isAndroid = platform === "Android" || globalThis.navigator?.platform === "Android" || globalThis.navigator?.userAgent?.includes(" Android ") === true || globalThis.process?.platform === "android";
  }
});

// node_modules/ansi-escapes/base.js
var base_exports = {};
__export(base_exports, {
  ConEmu: () => ConEmu,
  beep: () => beep,
  beginSynchronizedOutput: () => beginSynchronizedOutput,
  clearScreen: () => clearScreen,
  clearTerminal: () => clearTerminal,
  clearViewport: () => clearViewport,
  cursorBackward: () => cursorBackward,
  cursorDown: () => cursorDown,
  cursorForward: () => cursorForward,
  cursorGetPosition: () => cursorGetPosition,
  cursorHide: () => cursorHide,
  cursorLeft: () => cursorLeft,
  cursorMove: () => cursorMove,
  cursorNextLine: () => cursorNextLine,
  cursorPrevLine: () => cursorPrevLine,
  cursorRestorePosition: () => cursorRestorePosition,
  cursorSavePosition: () => cursorSavePosition,
  cursorShow: () => cursorShow,
  cursorTo: () => cursorTo,
  cursorUp: () => cursorUp,
  endSynchronizedOutput: () => endSynchronizedOutput,
  enterAlternativeScreen: () => enterAlternativeScreen,
  eraseDown: () => eraseDown,
  eraseEndLine: () => eraseEndLine,
  eraseLine: () => eraseLine,
  eraseLines: () => eraseLines,
  eraseScreen: () => eraseScreen,
  eraseStartLine: () => eraseStartLine,
  eraseUp: () => eraseUp,
  exitAlternativeScreen: () => exitAlternativeScreen,
  iTerm: () => iTerm,
  image: () => image,
  link: () => link,
  scrollDown: () => scrollDown,
  scrollUp: () => scrollUp,
  setCwd: () => setCwd,
  synchronizedOutput: () => synchronizedOutput
});
import process3 from "node:process";
import os from "node:os";
var ESC, OSC, BEL, SEP, isTerminalApp, isWindows2, isTmux, cwdFunction, wrapOsc, cursorTo, cursorMove, cursorUp, cursorDown, cursorForward, cursorBackward, cursorLeft, cursorSavePosition, cursorRestorePosition, cursorGetPosition, cursorNextLine, cursorPrevLine, cursorHide, cursorShow, eraseLines, eraseEndLine, eraseStartLine, eraseLine, eraseDown, eraseUp, eraseScreen, scrollUp, scrollDown, clearScreen, clearViewport, isOldWindows, clearTerminal, enterAlternativeScreen, exitAlternativeScreen, beginSynchronizedOutput, endSynchronizedOutput, synchronizedOutput, beep, link, image, iTerm, ConEmu, setCwd;
var init_base = __esm({
  "node_modules/ansi-escapes/base.js"() {
    init_environment();
    ESC = "\x1B[";
    OSC = "\x1B]";
    BEL = "\x07";
    SEP = ";";
    isTerminalApp = !isBrowser && process3.env.TERM_PROGRAM === "Apple_Terminal";
    isWindows2 = !isBrowser && process3.platform === "win32";
    isTmux = !isBrowser && (process3.env.TERM?.startsWith("screen") || process3.env.TERM?.startsWith("tmux") || process3.env.TMUX !== void 0);
    cwdFunction = isBrowser ? () => {
      throw new Error("`process.cwd()` only works in Node.js, not the browser.");
    } : process3.cwd;
    wrapOsc = (sequence) => {
      if (isTmux) {
        return "\x1BPtmux;" + sequence.replaceAll("\x1B", "\x1B\x1B") + "\x1B\\";
      }
      return sequence;
    };
    cursorTo = (x, y) => {
      if (typeof x !== "number") {
        throw new TypeError("The `x` argument is required");
      }
      if (typeof y !== "number") {
        return ESC + (x + 1) + "G";
      }
      return ESC + (y + 1) + SEP + (x + 1) + "H";
    };
    cursorMove = (x, y) => {
      if (typeof x !== "number") {
        throw new TypeError("The `x` argument is required");
      }
      let returnValue = "";
      if (x < 0) {
        returnValue += ESC + -x + "D";
      } else if (x > 0) {
        returnValue += ESC + x + "C";
      }
      if (y < 0) {
        returnValue += ESC + -y + "A";
      } else if (y > 0) {
        returnValue += ESC + y + "B";
      }
      return returnValue;
    };
    cursorUp = (count = 1) => ESC + count + "A";
    cursorDown = (count = 1) => ESC + count + "B";
    cursorForward = (count = 1) => ESC + count + "C";
    cursorBackward = (count = 1) => ESC + count + "D";
    cursorLeft = ESC + "G";
    cursorSavePosition = isTerminalApp ? "\x1B7" : ESC + "s";
    cursorRestorePosition = isTerminalApp ? "\x1B8" : ESC + "u";
    cursorGetPosition = ESC + "6n";
    cursorNextLine = ESC + "E";
    cursorPrevLine = ESC + "F";
    cursorHide = ESC + "?25l";
    cursorShow = ESC + "?25h";
    eraseLines = (count) => {
      let clear = "";
      for (let i = 0; i < count; i++) {
        clear += eraseLine + (i < count - 1 ? cursorUp() : "");
      }
      if (count) {
        clear += cursorLeft;
      }
      return clear;
    };
    eraseEndLine = ESC + "K";
    eraseStartLine = ESC + "1K";
    eraseLine = ESC + "2K";
    eraseDown = ESC + "J";
    eraseUp = ESC + "1J";
    eraseScreen = ESC + "2J";
    scrollUp = ESC + "S";
    scrollDown = ESC + "T";
    clearScreen = "\x1Bc";
    clearViewport = `${eraseScreen}${ESC}H`;
    isOldWindows = () => {
      if (isBrowser || !isWindows2) {
        return false;
      }
      const parts = os.release().split(".");
      const major = Number(parts[0]);
      const build = Number(parts[2] ?? 0);
      if (major < 10) {
        return true;
      }
      if (major === 10 && build < 10586) {
        return true;
      }
      return false;
    };
    clearTerminal = isOldWindows() ? `${eraseScreen}${ESC}0f` : `${eraseScreen}${ESC}3J${ESC}H`;
    enterAlternativeScreen = ESC + "?1049h";
    exitAlternativeScreen = ESC + "?1049l";
    beginSynchronizedOutput = ESC + "?2026h";
    endSynchronizedOutput = ESC + "?2026l";
    synchronizedOutput = (text2) => beginSynchronizedOutput + text2 + endSynchronizedOutput;
    beep = BEL;
    link = (text2, url) => {
      const openLink = wrapOsc(`${OSC}8${SEP}${SEP}${url}${BEL}`);
      const closeLink = wrapOsc(`${OSC}8${SEP}${SEP}${BEL}`);
      return openLink + text2 + closeLink;
    };
    image = (data, options = {}) => {
      let returnValue = `${OSC}1337;File=inline=1`;
      if (options.width) {
        returnValue += `;width=${options.width}`;
      }
      if (options.height) {
        returnValue += `;height=${options.height}`;
      }
      if (options.preserveAspectRatio === false) {
        returnValue += ";preserveAspectRatio=0";
      }
      const imageBuffer = Buffer.from(data);
      return wrapOsc(returnValue + `;size=${imageBuffer.byteLength}:` + imageBuffer.toString("base64") + BEL);
    };
    iTerm = {
      setCwd: (cwd = cwdFunction()) => wrapOsc(`${OSC}50;CurrentDir=${cwd}${BEL}`),
      annotation(message, options = {}) {
        let returnValue = `${OSC}1337;`;
        const hasX = options.x !== void 0;
        const hasY = options.y !== void 0;
        if ((hasX || hasY) && !(hasX && hasY && options.length !== void 0)) {
          throw new Error("`x`, `y` and `length` must be defined when `x` or `y` is defined");
        }
        message = message.replaceAll("|", "");
        returnValue += options.isHidden ? "AddHiddenAnnotation=" : "AddAnnotation=";
        if (options.length > 0) {
          returnValue += (hasX ? [message, options.length, options.x, options.y] : [options.length, message]).join("|");
        } else {
          returnValue += message;
        }
        return wrapOsc(returnValue + BEL);
      }
    };
    ConEmu = {
      setCwd: (cwd = cwdFunction()) => wrapOsc(`${OSC}9;9;${cwd}${BEL}`)
    };
    setCwd = (cwd = cwdFunction()) => iTerm.setCwd(cwd) + ConEmu.setCwd(cwd);
  }
});

// node_modules/ansi-escapes/index.js
var init_ansi_escapes = __esm({
  "node_modules/ansi-escapes/index.js"() {
    init_base();
    init_base();
  }
});

// node_modules/mimic-function/index.js
function mimicFunction(to, from, { ignoreNonConfigurable = false } = {}) {
  const { name } = to;
  for (const property of Reflect.ownKeys(from)) {
    copyProperty(to, from, property, ignoreNonConfigurable);
  }
  changePrototype(to, from);
  changeToString(to, from, name);
  return to;
}
var copyProperty, canCopyProperty, changePrototype, wrappedToString, toStringDescriptor, toStringName, changeToString;
var init_mimic_function = __esm({
  "node_modules/mimic-function/index.js"() {
    copyProperty = (to, from, property, ignoreNonConfigurable) => {
      if (property === "length" || property === "prototype") {
        return;
      }
      if (property === "arguments" || property === "caller") {
        return;
      }
      const toDescriptor = Object.getOwnPropertyDescriptor(to, property);
      const fromDescriptor = Object.getOwnPropertyDescriptor(from, property);
      if (!canCopyProperty(toDescriptor, fromDescriptor) && ignoreNonConfigurable) {
        return;
      }
      Object.defineProperty(to, property, fromDescriptor);
    };
    canCopyProperty = function(toDescriptor, fromDescriptor) {
      return toDescriptor === void 0 || toDescriptor.configurable || toDescriptor.writable === fromDescriptor.writable && toDescriptor.enumerable === fromDescriptor.enumerable && toDescriptor.configurable === fromDescriptor.configurable && (toDescriptor.writable || toDescriptor.value === fromDescriptor.value);
    };
    changePrototype = (to, from) => {
      const fromPrototype = Object.getPrototypeOf(from);
      if (fromPrototype === Object.getPrototypeOf(to)) {
        return;
      }
      Object.setPrototypeOf(to, fromPrototype);
    };
    wrappedToString = (withName, fromBody) => `/* Wrapped ${withName}*/
${fromBody}`;
    toStringDescriptor = Object.getOwnPropertyDescriptor(Function.prototype, "toString");
    toStringName = Object.getOwnPropertyDescriptor(Function.prototype.toString, "name");
    changeToString = (to, from, name) => {
      const withName = name === "" ? "" : `with ${name.trim()}() `;
      const newToString = wrappedToString.bind(null, withName, from.toString());
      Object.defineProperty(newToString, "name", toStringName);
      const { writable, enumerable, configurable } = toStringDescriptor;
      Object.defineProperty(to, "toString", { value: newToString, writable, enumerable, configurable });
    };
  }
});

// node_modules/onetime/index.js
var calledFunctions, onetime, onetime_default;
var init_onetime = __esm({
  "node_modules/onetime/index.js"() {
    init_mimic_function();
    calledFunctions = /* @__PURE__ */ new WeakMap();
    onetime = (function_, options = {}) => {
      if (typeof function_ !== "function") {
        throw new TypeError("Expected a function");
      }
      let returnValue;
      let callCount = 0;
      const functionName = function_.displayName || function_.name || "<anonymous>";
      const onetime2 = function(...arguments_) {
        calledFunctions.set(onetime2, ++callCount);
        if (callCount === 1) {
          returnValue = function_.apply(this, arguments_);
          function_ = void 0;
        } else if (options.throw === true) {
          throw new Error(`Function \`${functionName}\` can only be called once`);
        }
        return returnValue;
      };
      mimicFunction(onetime2, function_);
      calledFunctions.set(onetime2, callCount);
      return onetime2;
    };
    onetime.callCount = (function_) => {
      if (!calledFunctions.has(function_)) {
        throw new Error(`The given function \`${function_.name}\` is not wrapped by the \`onetime\` package`);
      }
      return calledFunctions.get(function_);
    };
    onetime_default = onetime;
  }
});

// node_modules/signal-exit/dist/mjs/signals.js
var signals;
var init_signals = __esm({
  "node_modules/signal-exit/dist/mjs/signals.js"() {
    signals = [];
    signals.push("SIGHUP", "SIGINT", "SIGTERM");
    if (process.platform !== "win32") {
      signals.push(
        "SIGALRM",
        "SIGABRT",
        "SIGVTALRM",
        "SIGXCPU",
        "SIGXFSZ",
        "SIGUSR2",
        "SIGTRAP",
        "SIGSYS",
        "SIGQUIT",
        "SIGIOT"
        // should detect profiler and enable/disable accordingly.
        // see #21
        // 'SIGPROF'
      );
    }
    if (process.platform === "linux") {
      signals.push("SIGIO", "SIGPOLL", "SIGPWR", "SIGSTKFLT");
    }
  }
});

// node_modules/signal-exit/dist/mjs/index.js
var processOk, kExitEmitter, global, ObjectDefineProperty, Emitter, SignalExitBase, signalExitWrap, SignalExitFallback, SignalExit, process4, onExit, load, unload;
var init_mjs = __esm({
  "node_modules/signal-exit/dist/mjs/index.js"() {
    init_signals();
    processOk = (process8) => !!process8 && typeof process8 === "object" && typeof process8.removeListener === "function" && typeof process8.emit === "function" && typeof process8.reallyExit === "function" && typeof process8.listeners === "function" && typeof process8.kill === "function" && typeof process8.pid === "number" && typeof process8.on === "function";
    kExitEmitter = /* @__PURE__ */ Symbol.for("signal-exit emitter");
    global = globalThis;
    ObjectDefineProperty = Object.defineProperty.bind(Object);
    Emitter = class {
      emitted = {
        afterExit: false,
        exit: false
      };
      listeners = {
        afterExit: [],
        exit: []
      };
      count = 0;
      id = Math.random();
      constructor() {
        if (global[kExitEmitter]) {
          return global[kExitEmitter];
        }
        ObjectDefineProperty(global, kExitEmitter, {
          value: this,
          writable: false,
          enumerable: false,
          configurable: false
        });
      }
      on(ev, fn) {
        this.listeners[ev].push(fn);
      }
      removeListener(ev, fn) {
        const list = this.listeners[ev];
        const i = list.indexOf(fn);
        if (i === -1) {
          return;
        }
        if (i === 0 && list.length === 1) {
          list.length = 0;
        } else {
          list.splice(i, 1);
        }
      }
      emit(ev, code, signal) {
        if (this.emitted[ev]) {
          return false;
        }
        this.emitted[ev] = true;
        let ret = false;
        for (const fn of this.listeners[ev]) {
          ret = fn(code, signal) === true || ret;
        }
        if (ev === "exit") {
          ret = this.emit("afterExit", code, signal) || ret;
        }
        return ret;
      }
    };
    SignalExitBase = class {
    };
    signalExitWrap = (handler) => {
      return {
        onExit(cb, opts) {
          return handler.onExit(cb, opts);
        },
        load() {
          return handler.load();
        },
        unload() {
          return handler.unload();
        }
      };
    };
    SignalExitFallback = class extends SignalExitBase {
      onExit() {
        return () => {
        };
      }
      load() {
      }
      unload() {
      }
    };
    SignalExit = class extends SignalExitBase {
      // "SIGHUP" throws an `ENOSYS` error on Windows,
      // so use a supported signal instead
      /* c8 ignore start */
      #hupSig = process4.platform === "win32" ? "SIGINT" : "SIGHUP";
      /* c8 ignore stop */
      #emitter = new Emitter();
      #process;
      #originalProcessEmit;
      #originalProcessReallyExit;
      #sigListeners = {};
      #loaded = false;
      constructor(process8) {
        super();
        this.#process = process8;
        this.#sigListeners = {};
        for (const sig of signals) {
          this.#sigListeners[sig] = () => {
            const listeners = this.#process.listeners(sig);
            let { count } = this.#emitter;
            const p = process8;
            if (typeof p.__signal_exit_emitter__ === "object" && typeof p.__signal_exit_emitter__.count === "number") {
              count += p.__signal_exit_emitter__.count;
            }
            if (listeners.length === count) {
              this.unload();
              const ret = this.#emitter.emit("exit", null, sig);
              const s = sig === "SIGHUP" ? this.#hupSig : sig;
              if (!ret)
                process8.kill(process8.pid, s);
            }
          };
        }
        this.#originalProcessReallyExit = process8.reallyExit;
        this.#originalProcessEmit = process8.emit;
      }
      onExit(cb, opts) {
        if (!processOk(this.#process)) {
          return () => {
          };
        }
        if (this.#loaded === false) {
          this.load();
        }
        const ev = opts?.alwaysLast ? "afterExit" : "exit";
        this.#emitter.on(ev, cb);
        return () => {
          this.#emitter.removeListener(ev, cb);
          if (this.#emitter.listeners["exit"].length === 0 && this.#emitter.listeners["afterExit"].length === 0) {
            this.unload();
          }
        };
      }
      load() {
        if (this.#loaded) {
          return;
        }
        this.#loaded = true;
        this.#emitter.count += 1;
        for (const sig of signals) {
          try {
            const fn = this.#sigListeners[sig];
            if (fn)
              this.#process.on(sig, fn);
          } catch (_) {
          }
        }
        this.#process.emit = (ev, ...a) => {
          return this.#processEmit(ev, ...a);
        };
        this.#process.reallyExit = (code) => {
          return this.#processReallyExit(code);
        };
      }
      unload() {
        if (!this.#loaded) {
          return;
        }
        this.#loaded = false;
        signals.forEach((sig) => {
          const listener = this.#sigListeners[sig];
          if (!listener) {
            throw new Error("Listener not defined for signal: " + sig);
          }
          try {
            this.#process.removeListener(sig, listener);
          } catch (_) {
          }
        });
        this.#process.emit = this.#originalProcessEmit;
        this.#process.reallyExit = this.#originalProcessReallyExit;
        this.#emitter.count -= 1;
      }
      #processReallyExit(code) {
        if (!processOk(this.#process)) {
          return 0;
        }
        this.#process.exitCode = code || 0;
        this.#emitter.emit("exit", this.#process.exitCode, null);
        return this.#originalProcessReallyExit.call(this.#process, this.#process.exitCode);
      }
      #processEmit(ev, ...args) {
        const og = this.#originalProcessEmit;
        if (ev === "exit" && processOk(this.#process)) {
          if (typeof args[0] === "number") {
            this.#process.exitCode = args[0];
          }
          const ret = og.call(this.#process, ev, ...args);
          this.#emitter.emit("exit", this.#process.exitCode, null);
          return ret;
        } else {
          return og.call(this.#process, ev, ...args);
        }
      }
    };
    process4 = globalThis.process;
    ({
      onExit: (
        /**
         * Called when the process is exiting, whether via signal, explicit
         * exit, or running out of stuff to do.
         *
         * If the global process object is not suitable for instrumentation,
         * then this will be a no-op.
         *
         * Returns a function that may be used to unload signal-exit.
         */
        onExit
      ),
      load: (
        /**
         * Load the listeners.  Likely you never need to call this, unless
         * doing a rather deep integration with signal-exit functionality.
         * Mostly exposed for the benefit of testing.
         *
         * @internal
         */
        load
      ),
      unload: (
        /**
         * Unload the listeners.  Likely you never need to call this, unless
         * doing a rather deep integration with signal-exit functionality.
         * Mostly exposed for the benefit of testing.
         *
         * @internal
         */
        unload
      )
    } = signalExitWrap(processOk(process4) ? new SignalExit(process4) : new SignalExitFallback()));
  }
});

// node_modules/restore-cursor/index.js
import process5 from "node:process";
var terminal, restoreCursor, restore_cursor_default;
var init_restore_cursor = __esm({
  "node_modules/restore-cursor/index.js"() {
    init_onetime();
    init_mjs();
    terminal = process5.stderr.isTTY ? process5.stderr : process5.stdout.isTTY ? process5.stdout : void 0;
    restoreCursor = terminal ? onetime_default(() => {
      onExit(() => {
        terminal.write("\x1B[?25h");
      }, { alwaysLast: true });
    }) : () => {
    };
    restore_cursor_default = restoreCursor;
  }
});

// node_modules/cli-cursor/index.js
import process6 from "node:process";
var isHidden, cliCursor, cli_cursor_default;
var init_cli_cursor = __esm({
  "node_modules/cli-cursor/index.js"() {
    init_restore_cursor();
    isHidden = false;
    cliCursor = {};
    cliCursor.show = (writableStream = process6.stderr) => {
      if (!writableStream.isTTY) {
        return;
      }
      isHidden = false;
      writableStream.write("\x1B[?25h");
    };
    cliCursor.hide = (writableStream = process6.stderr) => {
      if (!writableStream.isTTY) {
        return;
      }
      restore_cursor_default();
      isHidden = true;
      writableStream.write("\x1B[?25l");
    };
    cliCursor.toggle = (force, writableStream) => {
      if (force !== void 0) {
        isHidden = force;
      }
      if (isHidden) {
        cliCursor.show(writableStream);
      } else {
        cliCursor.hide(writableStream);
      }
    };
    cli_cursor_default = cliCursor;
  }
});

// node_modules/ansi-regex/index.js
function ansiRegex({ onlyFirst = false } = {}) {
  return new RegExp(pattern, onlyFirst ? void 0 : "g");
}
var ST, stringControls, osc, controlString, linuxPalette, csi, escape, pattern;
var init_ansi_regex = __esm({
  "node_modules/ansi-regex/index.js"() {
    ST = String.raw`(?:\u001B\u005C|\u009C)`;
    stringControls = String.raw`\u0018\u001A\u001B\u0080-\u009F`;
    osc = String.raw`(?:\u001B\]|\u009D)[^\u0007${stringControls}]*(?:\u0007|${ST})`;
    controlString = String.raw`(?:\u001B[PX^_k]|[\u0090\u0098\u009E\u009F])[^${stringControls}]*${ST}`;
    linuxPalette = String.raw`\u001B\](?:P[\dA-Fa-f]{7}|R)(?:\u0007|${ST})?`;
    csi = String.raw`(?:\u001B\[|\u009B)[\u0030-\u003F]*[\u0020-\u002F]*[\u0040-\u007E]`;
    escape = String.raw`\u001B(?:[\u0020-\u002F]+[\u0030-\u007E]|[\dA-PR-TZcf-oq-uy=><~|}])`;
    pattern = `${linuxPalette}|${osc}|${controlString}|${csi}|${escape}`;
  }
});

// node_modules/strip-ansi/index.js
function stripAnsi(string2) {
  if (typeof string2 !== "string") {
    throw new TypeError(`Expected a \`string\`, got \`${typeof string2}\``);
  }
  if (!string2.includes("\x1B") && !string2.includes("")) {
    return string2;
  }
  return string2.replace(regex, "");
}
var regex;
var init_strip_ansi = __esm({
  "node_modules/strip-ansi/index.js"() {
    init_ansi_regex();
    regex = ansiRegex();
  }
});

// node_modules/get-east-asian-width/lookup-data.js
var ambiguousMinimalCodePoint, ambiguousMaximumCodePoint, ambiguousRanges, fullwidthMinimalCodePoint, fullwidthMaximumCodePoint, fullwidthRanges, wideMinimalCodePoint, wideMaximumCodePoint, wideRanges;
var init_lookup_data = __esm({
  "node_modules/get-east-asian-width/lookup-data.js"() {
    ambiguousMinimalCodePoint = 161;
    ambiguousMaximumCodePoint = 1114109;
    ambiguousRanges = [161, 161, 164, 164, 167, 168, 170, 170, 173, 174, 176, 180, 182, 186, 188, 191, 198, 198, 208, 208, 215, 216, 222, 225, 230, 230, 232, 234, 236, 237, 240, 240, 242, 243, 247, 250, 252, 252, 254, 254, 257, 257, 273, 273, 275, 275, 283, 283, 294, 295, 299, 299, 305, 307, 312, 312, 319, 322, 324, 324, 328, 331, 333, 333, 338, 339, 358, 359, 363, 363, 462, 462, 464, 464, 466, 466, 468, 468, 470, 470, 472, 472, 474, 474, 476, 476, 593, 593, 609, 609, 708, 708, 711, 711, 713, 715, 717, 717, 720, 720, 728, 731, 733, 733, 735, 735, 768, 879, 913, 929, 931, 937, 945, 961, 963, 969, 1025, 1025, 1040, 1103, 1105, 1105, 8208, 8208, 8211, 8214, 8216, 8217, 8220, 8221, 8224, 8226, 8228, 8231, 8240, 8240, 8242, 8243, 8245, 8245, 8251, 8251, 8254, 8254, 8308, 8308, 8319, 8319, 8321, 8324, 8364, 8364, 8451, 8451, 8453, 8453, 8457, 8457, 8467, 8467, 8470, 8470, 8481, 8482, 8486, 8486, 8491, 8491, 8531, 8532, 8539, 8542, 8544, 8555, 8560, 8569, 8585, 8585, 8592, 8601, 8632, 8633, 8658, 8658, 8660, 8660, 8679, 8679, 8704, 8704, 8706, 8707, 8711, 8712, 8715, 8715, 8719, 8719, 8721, 8721, 8725, 8725, 8730, 8730, 8733, 8736, 8739, 8739, 8741, 8741, 8743, 8748, 8750, 8750, 8756, 8759, 8764, 8765, 8776, 8776, 8780, 8780, 8786, 8786, 8800, 8801, 8804, 8807, 8810, 8811, 8814, 8815, 8834, 8835, 8838, 8839, 8853, 8853, 8857, 8857, 8869, 8869, 8895, 8895, 8978, 8978, 9312, 9449, 9451, 9547, 9552, 9587, 9600, 9615, 9618, 9621, 9632, 9633, 9635, 9641, 9650, 9651, 9654, 9655, 9660, 9661, 9664, 9665, 9670, 9672, 9675, 9675, 9678, 9681, 9698, 9701, 9711, 9711, 9733, 9734, 9737, 9737, 9742, 9743, 9756, 9756, 9758, 9758, 9792, 9792, 9794, 9794, 9824, 9825, 9827, 9829, 9831, 9834, 9836, 9837, 9839, 9839, 9886, 9887, 9919, 9919, 9926, 9933, 9935, 9939, 9941, 9953, 9955, 9955, 9960, 9961, 9963, 9969, 9972, 9972, 9974, 9977, 9979, 9980, 9982, 9983, 10045, 10045, 10102, 10111, 11094, 11097, 12872, 12879, 57344, 63743, 65024, 65039, 65533, 65533, 127232, 127242, 127248, 127277, 127280, 127337, 127344, 127373, 127375, 127376, 127387, 127404, 917760, 917999, 983040, 1048573, 1048576, 1114109];
    fullwidthMinimalCodePoint = 12288;
    fullwidthMaximumCodePoint = 65510;
    fullwidthRanges = [12288, 12288, 65281, 65376, 65504, 65510];
    wideMinimalCodePoint = 4352;
    wideMaximumCodePoint = 262141;
    wideRanges = [4352, 4447, 8986, 8987, 9001, 9002, 9193, 9196, 9200, 9200, 9203, 9203, 9725, 9726, 9748, 9749, 9776, 9783, 9800, 9811, 9855, 9855, 9866, 9871, 9875, 9875, 9889, 9889, 9898, 9899, 9917, 9918, 9924, 9925, 9934, 9934, 9940, 9940, 9962, 9962, 9970, 9971, 9973, 9973, 9978, 9978, 9981, 9981, 9989, 9989, 9994, 9995, 10024, 10024, 10060, 10060, 10062, 10062, 10067, 10069, 10071, 10071, 10133, 10135, 10160, 10160, 10175, 10175, 11035, 11036, 11088, 11088, 11093, 11093, 11904, 11929, 11931, 12019, 12032, 12245, 12272, 12287, 12289, 12350, 12353, 12438, 12441, 12543, 12549, 12591, 12593, 12686, 12688, 12773, 12783, 12830, 12832, 12871, 12880, 42124, 42128, 42182, 43360, 43388, 44032, 55203, 63744, 64255, 65040, 65049, 65072, 65106, 65108, 65126, 65128, 65131, 94176, 94180, 94192, 94198, 94208, 101594, 101631, 101664, 101760, 101874, 101888, 102801, 102816, 102866, 110576, 110579, 110581, 110587, 110589, 110590, 110592, 110888, 110898, 110898, 110928, 110930, 110933, 110933, 110948, 110952, 110960, 111355, 119552, 119638, 119648, 119670, 126980, 126980, 127183, 127183, 127374, 127374, 127377, 127386, 127406, 127406, 127488, 127490, 127504, 127547, 127552, 127560, 127568, 127569, 127584, 127589, 127744, 127776, 127789, 127797, 127799, 127868, 127870, 127891, 127904, 127946, 127951, 127955, 127968, 127984, 127988, 127988, 127992, 128062, 128064, 128064, 128066, 128252, 128255, 128317, 128331, 128334, 128336, 128359, 128378, 128378, 128405, 128406, 128420, 128420, 128507, 128591, 128640, 128709, 128716, 128716, 128720, 128722, 128725, 128729, 128732, 128735, 128747, 128748, 128756, 128764, 128986, 128986, 128992, 129003, 129008, 129008, 129292, 129338, 129340, 129349, 129351, 129535, 129648, 129660, 129664, 129734, 129736, 129736, 129740, 129757, 129759, 129771, 129775, 129786, 131072, 196605, 196608, 262141];
  }
});

// node_modules/get-east-asian-width/utilities.js
var isInRange;
var init_utilities = __esm({
  "node_modules/get-east-asian-width/utilities.js"() {
    isInRange = (ranges, codePoint) => {
      let low = 0;
      let high = Math.floor(ranges.length / 2) - 1;
      while (low <= high) {
        const mid = Math.floor((low + high) / 2);
        const i = mid * 2;
        if (codePoint < ranges[i]) {
          high = mid - 1;
        } else if (codePoint > ranges[i + 1]) {
          low = mid + 1;
        } else {
          return true;
        }
      }
      return false;
    };
  }
});

// node_modules/get-east-asian-width/lookup.js
function findWideFastPathRange(ranges) {
  let fastPathStart = ranges[0];
  let fastPathEnd = ranges[1];
  for (let index = 0; index < ranges.length; index += 2) {
    const start = ranges[index];
    const end = ranges[index + 1];
    if (commonCjkCodePoint >= start && commonCjkCodePoint <= end) {
      return [start, end];
    }
    if (end - start > fastPathEnd - fastPathStart) {
      fastPathStart = start;
      fastPathEnd = end;
    }
  }
  return [fastPathStart, fastPathEnd];
}
var commonCjkCodePoint, wideFastPathStart, wideFastPathEnd, isAmbiguous, isFullwidth, isWide;
var init_lookup = __esm({
  "node_modules/get-east-asian-width/lookup.js"() {
    init_lookup_data();
    init_utilities();
    commonCjkCodePoint = 19968;
    [wideFastPathStart, wideFastPathEnd] = /* @__PURE__ */ findWideFastPathRange(wideRanges);
    isAmbiguous = (codePoint) => {
      if (codePoint < ambiguousMinimalCodePoint || codePoint > ambiguousMaximumCodePoint) {
        return false;
      }
      return isInRange(ambiguousRanges, codePoint);
    };
    isFullwidth = (codePoint) => {
      if (codePoint < fullwidthMinimalCodePoint || codePoint > fullwidthMaximumCodePoint) {
        return false;
      }
      return isInRange(fullwidthRanges, codePoint);
    };
    isWide = (codePoint) => {
      if (codePoint >= wideFastPathStart && codePoint <= wideFastPathEnd) {
        return true;
      }
      if (codePoint < wideMinimalCodePoint || codePoint > wideMaximumCodePoint) {
        return false;
      }
      return isInRange(wideRanges, codePoint);
    };
  }
});

// node_modules/get-east-asian-width/index.js
function validate(codePoint) {
  if (!Number.isSafeInteger(codePoint)) {
    throw new TypeError(`Expected a code point, got \`${typeof codePoint}\`.`);
  }
}
function eastAsianWidth(codePoint, { ambiguousAsWide = false } = {}) {
  validate(codePoint);
  if (isFullwidth(codePoint) || isWide(codePoint) || ambiguousAsWide && isAmbiguous(codePoint)) {
    return 2;
  }
  return 1;
}
var init_get_east_asian_width = __esm({
  "node_modules/get-east-asian-width/index.js"() {
    init_lookup();
    init_lookup();
  }
});

// node_modules/string-width/index.js
function isDoubleWidthNonRgiEmojiSequence(segment) {
  if (segment.length > 50) {
    return false;
  }
  if (unqualifiedKeycapRegex.test(segment)) {
    return true;
  }
  if (segment.includes("‍")) {
    const pictographics = segment.match(extendedPictographicRegex);
    return pictographics !== null && pictographics.length >= 2;
  }
  return false;
}
function baseVisible(segment) {
  const index = segment.search(visibleCharacterRegex);
  return index === -1 ? void 0 : segment.slice(index);
}
function isHangulLeadingJamo(codePoint) {
  return codePoint >= 4352 && codePoint <= 4447 || codePoint >= 43360 && codePoint <= 43388;
}
function isHangulVowelJamo(codePoint) {
  return codePoint >= 4448 && codePoint <= 4519 || codePoint >= 55216 && codePoint <= 55238;
}
function isHangulTrailingJamo(codePoint) {
  return codePoint >= 4520 && codePoint <= 4607 || codePoint >= 55243 && codePoint <= 55291;
}
function isHangulJamo(codePoint) {
  return isHangulLeadingJamo(codePoint) || isHangulVowelJamo(codePoint) || isHangulTrailingJamo(codePoint);
}
function hangulClusterWidth(visibleSegment, eastAsianWidthOptions) {
  const codePoints = [];
  for (const character of visibleSegment) {
    if (!visibleCharacterRegex.test(character)) {
      continue;
    }
    codePoints.push(character.codePointAt(0));
  }
  if (codePoints.length === 0) {
    return void 0;
  }
  let width = 0;
  for (let index = 0; index < codePoints.length; index++) {
    const codePoint = codePoints[index];
    if (!isHangulJamo(codePoint)) {
      if (width === 0) {
        return void 0;
      }
      for (let remaining = index; remaining < codePoints.length; remaining++) {
        width += eastAsianWidth(codePoints[remaining], eastAsianWidthOptions);
      }
      return width;
    }
    if (isHangulLeadingJamo(codePoint) && isHangulVowelJamo(codePoints[index + 1])) {
      width += 2;
      index += isHangulTrailingJamo(codePoints[index + 2]) ? 2 : 1;
      continue;
    }
    width += eastAsianWidth(codePoint, eastAsianWidthOptions);
  }
  return width;
}
function trailingWidth(visibleSegment, eastAsianWidthOptions) {
  let extra = 0;
  let first = true;
  for (const character of visibleSegment) {
    if (first) {
      first = false;
      continue;
    }
    if (spacingMarkRegex.test(character) || character >= "＀" && character <= "￯") {
      extra += eastAsianWidth(character.codePointAt(0), eastAsianWidthOptions);
    }
  }
  return extra;
}
function stringWidth(input, options = {}) {
  if (typeof input !== "string" || input.length === 0) {
    return 0;
  }
  const {
    ambiguousIsNarrow = true,
    countAnsiEscapeCodes = false
  } = options;
  let string2 = input;
  if (!countAnsiEscapeCodes && (string2.includes("\x1B") || string2.includes(""))) {
    string2 = stripAnsi(string2);
  }
  if (string2.length === 0) {
    return 0;
  }
  if (/^[\u0020-\u007E]*$/.test(string2)) {
    return string2.length;
  }
  let width = 0;
  const eastAsianWidthOptions = { ambiguousAsWide: !ambiguousIsNarrow };
  for (const { segment } of segmenter.segment(string2)) {
    const visibleSegment = baseVisible(segment);
    if (visibleSegment === void 0) {
      continue;
    }
    if (rgiEmojiRegex.test(segment) || isDoubleWidthNonRgiEmojiSequence(segment)) {
      width += 2;
      continue;
    }
    const hangulWidth = hangulClusterWidth(visibleSegment, eastAsianWidthOptions);
    if (hangulWidth !== void 0) {
      width += hangulWidth;
      continue;
    }
    const codePoint = visibleSegment.codePointAt(0);
    width += eastAsianWidth(codePoint, eastAsianWidthOptions);
    width += trailingWidth(visibleSegment, eastAsianWidthOptions);
  }
  return width;
}
var segmenter, visibleCharacterRegex, spacingMarkRegex, rgiEmojiRegex, unqualifiedKeycapRegex, extendedPictographicRegex;
var init_string_width = __esm({
  "node_modules/string-width/index.js"() {
    init_strip_ansi();
    init_get_east_asian_width();
    segmenter = new Intl.Segmenter();
    visibleCharacterRegex = new RegExp("[^\\p{Default_Ignorable_Code_Point}\\p{Control}\\p{Format}\\p{Nonspacing_Mark}\\p{Enclosing_Mark}\\p{Surrogate}]", "v");
    spacingMarkRegex = new RegExp("\\p{Spacing_Mark}", "v");
    rgiEmojiRegex = new RegExp("^\\p{RGI_Emoji}$", "v");
    unqualifiedKeycapRegex = /^[\d#*]\u20E3$/;
    extendedPictographicRegex = new RegExp("\\p{Extended_Pictographic}", "gu");
  }
});

// node_modules/ansi-styles/index.js
function assembleStyles() {
  const codes = /* @__PURE__ */ new Map();
  for (const [groupName, group] of Object.entries(styles)) {
    for (const [styleName, style] of Object.entries(group)) {
      styles[styleName] = {
        open: `\x1B[${style[0]}m`,
        close: `\x1B[${style[1]}m`
      };
      group[styleName] = styles[styleName];
      codes.set(style[0], style[1]);
    }
    Object.defineProperty(styles, groupName, {
      value: group,
      enumerable: false
    });
  }
  Object.defineProperty(styles, "codes", {
    value: codes,
    enumerable: false
  });
  styles.color.close = "\x1B[39m";
  styles.bgColor.close = "\x1B[49m";
  styles.color.ansi = wrapAnsi16();
  styles.color.ansi256 = wrapAnsi256();
  styles.color.ansi16m = wrapAnsi16m();
  styles.bgColor.ansi = wrapAnsi16(ANSI_BACKGROUND_OFFSET);
  styles.bgColor.ansi256 = wrapAnsi256(ANSI_BACKGROUND_OFFSET);
  styles.bgColor.ansi16m = wrapAnsi16m(ANSI_BACKGROUND_OFFSET);
  Object.defineProperties(styles, {
    rgbToAnsi256: {
      value(red, green, blue) {
        if (red === green && green === blue) {
          if (red < 8) {
            return 16;
          }
          if (red > 248) {
            return 231;
          }
          return Math.round((red - 8) / 247 * 24) + 232;
        }
        return 16 + 36 * Math.round(red / 255 * 5) + 6 * Math.round(green / 255 * 5) + Math.round(blue / 255 * 5);
      },
      enumerable: false
    },
    hexToRgb: {
      value(hex) {
        const matches = /[a-f\d]{6}|[a-f\d]{3}/i.exec(hex.toString(16));
        if (!matches) {
          return [0, 0, 0];
        }
        let [colorString] = matches;
        if (colorString.length === 3) {
          colorString = [...colorString].map((character) => character + character).join("");
        }
        const integer = Number.parseInt(colorString, 16);
        return [
          /* eslint-disable no-bitwise */
          integer >> 16 & 255,
          integer >> 8 & 255,
          integer & 255
          /* eslint-enable no-bitwise */
        ];
      },
      enumerable: false
    },
    hexToAnsi256: {
      value: (hex) => styles.rgbToAnsi256(...styles.hexToRgb(hex)),
      enumerable: false
    },
    ansi256ToAnsi: {
      value(code) {
        if (code < 8) {
          return 30 + code;
        }
        if (code < 16) {
          return 90 + (code - 8);
        }
        let red;
        let green;
        let blue;
        if (code >= 232) {
          red = ((code - 232) * 10 + 8) / 255;
          green = red;
          blue = red;
        } else {
          code -= 16;
          const remainder = code % 36;
          red = Math.floor(code / 36) / 5;
          green = Math.floor(remainder / 6) / 5;
          blue = remainder % 6 / 5;
        }
        const value = Math.max(red, green, blue) * 2;
        if (value === 0) {
          return 30;
        }
        let result = 30 + (Math.round(blue) << 2 | Math.round(green) << 1 | Math.round(red));
        if (value === 2) {
          result += 60;
        }
        return result;
      },
      enumerable: false
    },
    rgbToAnsi: {
      value: (red, green, blue) => styles.ansi256ToAnsi(styles.rgbToAnsi256(red, green, blue)),
      enumerable: false
    },
    hexToAnsi: {
      value: (hex) => styles.ansi256ToAnsi(styles.hexToAnsi256(hex)),
      enumerable: false
    }
  });
  return styles;
}
var ANSI_BACKGROUND_OFFSET, wrapAnsi16, wrapAnsi256, wrapAnsi16m, styles, modifierNames, foregroundColorNames, backgroundColorNames, colorNames, ansiStyles, ansi_styles_default;
var init_ansi_styles = __esm({
  "node_modules/ansi-styles/index.js"() {
    ANSI_BACKGROUND_OFFSET = 10;
    wrapAnsi16 = (offset = 0) => (code) => `\x1B[${code + offset}m`;
    wrapAnsi256 = (offset = 0) => (code) => `\x1B[${38 + offset};5;${code}m`;
    wrapAnsi16m = (offset = 0) => (red, green, blue) => `\x1B[${38 + offset};2;${red};${green};${blue}m`;
    styles = {
      modifier: {
        reset: [0, 0],
        // 21 isn't widely supported and 22 does the same thing
        bold: [1, 22],
        dim: [2, 22],
        italic: [3, 23],
        underline: [4, 24],
        overline: [53, 55],
        inverse: [7, 27],
        hidden: [8, 28],
        strikethrough: [9, 29]
      },
      color: {
        black: [30, 39],
        red: [31, 39],
        green: [32, 39],
        yellow: [33, 39],
        blue: [34, 39],
        magenta: [35, 39],
        cyan: [36, 39],
        white: [37, 39],
        // Bright color
        blackBright: [90, 39],
        gray: [90, 39],
        // Alias of `blackBright`
        grey: [90, 39],
        // Alias of `blackBright`
        redBright: [91, 39],
        greenBright: [92, 39],
        yellowBright: [93, 39],
        blueBright: [94, 39],
        magentaBright: [95, 39],
        cyanBright: [96, 39],
        whiteBright: [97, 39]
      },
      bgColor: {
        bgBlack: [40, 49],
        bgRed: [41, 49],
        bgGreen: [42, 49],
        bgYellow: [43, 49],
        bgBlue: [44, 49],
        bgMagenta: [45, 49],
        bgCyan: [46, 49],
        bgWhite: [47, 49],
        // Bright color
        bgBlackBright: [100, 49],
        bgGray: [100, 49],
        // Alias of `bgBlackBright`
        bgGrey: [100, 49],
        // Alias of `bgBlackBright`
        bgRedBright: [101, 49],
        bgGreenBright: [102, 49],
        bgYellowBright: [103, 49],
        bgBlueBright: [104, 49],
        bgMagentaBright: [105, 49],
        bgCyanBright: [106, 49],
        bgWhiteBright: [107, 49]
      }
    };
    modifierNames = Object.keys(styles.modifier);
    foregroundColorNames = Object.keys(styles.color);
    backgroundColorNames = Object.keys(styles.bgColor);
    colorNames = [...foregroundColorNames, ...backgroundColorNames];
    ansiStyles = assembleStyles();
    ansi_styles_default = ansiStyles;
  }
});

// node_modules/wrap-ansi/index.js
function wrapAnsi(string2, columns, options) {
  return normalizeText(String(string2)).replaceAll("\r\n", "\n").split("\n").map((line) => exec(expandTabs(line), columns, options)).join("\n");
}
var ANSI_ESCAPE, ANSI_ESCAPE_BELL, C1_CSI, ANSI_CSI, ANSI_OSC, ANSI_SGR_TERMINATOR, ANSI_SGR_RESET, ANSI_SGR_RESET_FOREGROUND, ANSI_SGR_RESET_BACKGROUND, ANSI_SGR_RESET_UNDERLINE_COLOR, ANSI_SGR_FOREGROUND_EXTENDED, ANSI_SGR_BACKGROUND_EXTENDED, ANSI_SGR_UNDERLINE_COLOR_EXTENDED, ANSI_SGR_COLOR_MODE_RGB, ANSI_SGR_COLOR_MODE_256, ANSI_ESCAPE_LINK, ESCAPES, ESCAPE_CHARACTERS, CSI_INTRODUCER, CSI_PARAMETERS, SGR_PARAMETERS, OSC_STRING_TERMINATOR, OSC_STRING_PAYLOAD, LINK_PARAMETERS, OSC_STRING, ANSI_ESCAPE_REGEX, ANSI_SGR_MODIFIER_CLOSE_CODES, segmenter2, getStringWidth, TAB_SIZE, ESCAPE_INTRODUCER_REGEX, ROW_BOUNDARY_REGEX, ASCII_PRINTABLE_REGEX, wrapAnsiCode, wrapAnsiHyperlink, matchAnsiEscape, forEachSegment, getWidth, getTokens, splitWords, getColonColorToken, getSgrTokens, removeActiveStyle, upsertActiveStyle, removeModifierStylesByClose, getColorStyle, applySgrResetCode, applySgrToken, applySgrParameters, applySgrResets, applyLeadingSgrResets, getClosingSgrSequence, getOpeningSgrSequence, wrapWord, stringVisibleTrimSpacesRight, expandTabs, restoreStylesAcrossRows, exec, normalizeText;
var init_wrap_ansi = __esm({
  "node_modules/wrap-ansi/index.js"() {
    init_string_width();
    init_ansi_styles();
    ANSI_ESCAPE = "\x1B";
    ANSI_ESCAPE_BELL = "\x07";
    C1_CSI = "";
    ANSI_CSI = "[";
    ANSI_OSC = "]";
    ANSI_SGR_TERMINATOR = "m";
    ANSI_SGR_RESET = 0;
    ANSI_SGR_RESET_FOREGROUND = 39;
    ANSI_SGR_RESET_BACKGROUND = 49;
    ANSI_SGR_RESET_UNDERLINE_COLOR = 59;
    ANSI_SGR_FOREGROUND_EXTENDED = 38;
    ANSI_SGR_BACKGROUND_EXTENDED = 48;
    ANSI_SGR_UNDERLINE_COLOR_EXTENDED = 58;
    ANSI_SGR_COLOR_MODE_RGB = 2;
    ANSI_SGR_COLOR_MODE_256 = 5;
    ANSI_ESCAPE_LINK = `${ANSI_OSC}8;`;
    ESCAPES = /* @__PURE__ */ new Set([
      ANSI_ESCAPE,
      C1_CSI
    ]);
    ESCAPE_CHARACTERS = [...ESCAPES].join("");
    CSI_INTRODUCER = `(?:${ANSI_ESCAPE}\\${ANSI_CSI}|${C1_CSI})`;
    CSI_PARAMETERS = "[0-?]*[ -/]*[@-~]";
    SGR_PARAMETERS = `(?<sgr>[0-9;:]*)${ANSI_SGR_TERMINATOR}`;
    OSC_STRING_TERMINATOR = `(?:${ANSI_ESCAPE_BELL}|${ANSI_ESCAPE}\\\\)`;
    OSC_STRING_PAYLOAD = String.raw`[^\u0000-\u001F\u007F-\u009F]*`;
    LINK_PARAMETERS = String.raw`8;(?<parameters>[^;\u0000-\u001F\u007F-\u009F]*);(?<uri>${OSC_STRING_PAYLOAD})${OSC_STRING_TERMINATOR}`;
    OSC_STRING = `${OSC_STRING_PAYLOAD}${OSC_STRING_TERMINATOR}`;
    ANSI_ESCAPE_REGEX = new RegExp(
      `${CSI_INTRODUCER}(?:${SGR_PARAMETERS}|${CSI_PARAMETERS})|${ANSI_ESCAPE}\\${ANSI_OSC}(?:${LINK_PARAMETERS}|${OSC_STRING})`,
      "y"
    );
    ANSI_SGR_MODIFIER_CLOSE_CODES = new Set(ansi_styles_default.codes.values());
    ANSI_SGR_MODIFIER_CLOSE_CODES.delete(ANSI_SGR_RESET);
    segmenter2 = new Intl.Segmenter();
    getStringWidth = (string2) => stringWidth(string2, { countAnsiEscapeCodes: true });
    TAB_SIZE = 8;
    ESCAPE_INTRODUCER_REGEX = new RegExp(`[${ESCAPE_CHARACTERS}]`, "g");
    ROW_BOUNDARY_REGEX = new RegExp(`[\\n${ESCAPE_CHARACTERS}]`, "g");
    ASCII_PRINTABLE_REGEX = /^[ -~]*$/;
    wrapAnsiCode = (code) => `${ANSI_ESCAPE}${ANSI_CSI}${code}${ANSI_SGR_TERMINATOR}`;
    wrapAnsiHyperlink = (url, parameters = "") => `${ANSI_ESCAPE}${ANSI_ESCAPE_LINK}${parameters};${url}${ANSI_ESCAPE_BELL}`;
    matchAnsiEscape = (string2, index) => {
      if (!ESCAPES.has(string2[index])) {
        return;
      }
      ANSI_ESCAPE_REGEX.lastIndex = index;
      return ANSI_ESCAPE_REGEX.exec(string2) ?? void 0;
    };
    forEachSegment = (string2, onPlainText, onEscape = () => {
    }) => {
      let plainStart = 0;
      let index = 0;
      while (index < string2.length) {
        ESCAPE_INTRODUCER_REGEX.lastIndex = index;
        const introducer = ESCAPE_INTRODUCER_REGEX.exec(string2);
        if (!introducer) {
          break;
        }
        const escape2 = matchAnsiEscape(string2, introducer.index);
        if (!escape2) {
          index = introducer.index + 1;
          continue;
        }
        if (introducer.index > plainStart) {
          onPlainText(string2.slice(plainStart, introducer.index));
        }
        onEscape(escape2[0]);
        index = introducer.index + escape2[0].length;
        plainStart = index;
      }
      if (plainStart < string2.length) {
        onPlainText(string2.slice(plainStart));
      }
    };
    getWidth = (string2) => {
      let plainText = "";
      forEachSegment(string2, (part) => {
        plainText += part;
      });
      return getStringWidth(plainText);
    };
    getTokens = (string2) => {
      const tokens = [];
      forEachSegment(string2, (plainText) => {
        if (ASCII_PRINTABLE_REGEX.test(plainText)) {
          for (const character of plainText) {
            tokens.push({ value: character, width: 1 });
          }
          return;
        }
        for (const { segment } of segmenter2.segment(plainText)) {
          tokens.push({ value: segment, width: getStringWidth(segment) });
        }
      }, (escape2) => {
        tokens.push({ value: escape2, width: 0 });
      });
      return tokens;
    };
    splitWords = (string2) => {
      let currentWord = { value: "", plainText: "" };
      const words = [currentWord];
      forEachSegment(string2, (plainText) => {
        const parts = plainText.split(" ");
        currentWord.value += parts[0];
        currentWord.plainText += parts[0];
        for (let index = 1; index < parts.length; index++) {
          currentWord = { value: parts[index], plainText: parts[index] };
          words.push(currentWord);
        }
      }, (escape2) => {
        currentWord.value += escape2;
      });
      for (const word of words) {
        word.width = getStringWidth(word.plainText);
      }
      return words;
    };
    getColonColorToken = (parameter) => {
      const parts = parameter.split(":");
      const code = Number.parseInt(parts[0], 10);
      const mode = Number.parseInt(parts[1], 10);
      if (![ANSI_SGR_FOREGROUND_EXTENDED, ANSI_SGR_BACKGROUND_EXTENDED, ANSI_SGR_UNDERLINE_COLOR_EXTENDED].includes(code)) {
        return;
      }
      if (mode === ANSI_SGR_COLOR_MODE_256 && parts.length === 3 && /^\d+$/.test(parts[2])) {
        return { code, open: parameter, hasArguments: true };
      }
      if (mode !== ANSI_SGR_COLOR_MODE_RGB) {
        return;
      }
      const components = parts.length === 6 ? parts.slice(3) : parts.slice(2);
      const colorSpace = parts.length === 6 ? parts[2] : void 0;
      if (components.length === 3 && components.every((component) => /^\d+$/.test(component)) && (colorSpace === void 0 || /^\d*$/.test(colorSpace))) {
        return { code, open: parameter, hasArguments: true };
      }
    };
    getSgrTokens = (sgrParameters) => {
      const parameters = sgrParameters.split(";");
      const sgrTokens = [];
      for (let index = 0; index < parameters.length; index++) {
        const parameter = parameters[index];
        if (parameter.includes(":")) {
          const colonColorToken = getColonColorToken(parameter);
          if (colonColorToken) {
            sgrTokens.push(colonColorToken);
          }
          continue;
        }
        const code = parameter === "" ? ANSI_SGR_RESET : Number.parseInt(parameter, 10);
        if (!Number.isFinite(code)) {
          continue;
        }
        if (code === ANSI_SGR_FOREGROUND_EXTENDED || code === ANSI_SGR_BACKGROUND_EXTENDED || code === ANSI_SGR_UNDERLINE_COLOR_EXTENDED) {
          if (index + 1 >= parameters.length) {
            break;
          }
          const mode = Number.parseInt(parameters[index + 1], 10);
          const colorIndex = Number.parseInt(parameters[index + 2], 10);
          if (mode === ANSI_SGR_COLOR_MODE_256 && Number.isFinite(colorIndex)) {
            sgrTokens.push({ code, open: [code, mode, colorIndex].join(";"), hasArguments: true });
            index += 2;
            continue;
          }
          const red = Number.parseInt(parameters[index + 2], 10);
          const green = Number.parseInt(parameters[index + 3], 10);
          const blue = Number.parseInt(parameters[index + 4], 10);
          if (mode === ANSI_SGR_COLOR_MODE_RGB && Number.isFinite(red) && Number.isFinite(green) && Number.isFinite(blue)) {
            sgrTokens.push({ code, open: [code, mode, red, green, blue].join(";"), hasArguments: true });
            index += 4;
            continue;
          }
          break;
        }
        sgrTokens.push({ code, open: String(code), hasArguments: false });
      }
      return sgrTokens;
    };
    removeActiveStyle = (activeStyles, family) => {
      const activeStyleIndex = activeStyles.findIndex((activeStyle) => activeStyle.family === family);
      if (activeStyleIndex !== -1) {
        activeStyles.splice(activeStyleIndex, 1);
      }
    };
    upsertActiveStyle = (activeStyles, nextActiveStyle) => {
      removeActiveStyle(activeStyles, nextActiveStyle.family);
      activeStyles.push(nextActiveStyle);
    };
    removeModifierStylesByClose = (activeStyles, closeCode) => {
      for (let index = activeStyles.length - 1; index >= 0; index--) {
        const activeStyle = activeStyles[index];
        if (activeStyle.family.startsWith("modifier-") && activeStyle.close === closeCode) {
          activeStyles.splice(index, 1);
        }
      }
    };
    getColorStyle = (sgrToken) => {
      const { code, open, hasArguments } = sgrToken;
      if (code >= 30 && code <= 37 || code >= 90 && code <= 97 || code === ANSI_SGR_FOREGROUND_EXTENDED && hasArguments) {
        return {
          family: "foreground",
          open,
          close: ANSI_SGR_RESET_FOREGROUND
        };
      }
      if (code >= 40 && code <= 47 || code >= 100 && code <= 107 || code === ANSI_SGR_BACKGROUND_EXTENDED && hasArguments) {
        return {
          family: "background",
          open,
          close: ANSI_SGR_RESET_BACKGROUND
        };
      }
      if (code === ANSI_SGR_UNDERLINE_COLOR_EXTENDED && hasArguments) {
        return {
          family: "underlineColor",
          open,
          close: ANSI_SGR_RESET_UNDERLINE_COLOR
        };
      }
    };
    applySgrResetCode = (code, activeStyles) => {
      if (code === ANSI_SGR_RESET) {
        activeStyles.length = 0;
        return true;
      }
      if (code === ANSI_SGR_RESET_FOREGROUND) {
        removeActiveStyle(activeStyles, "foreground");
        return true;
      }
      if (code === ANSI_SGR_RESET_BACKGROUND) {
        removeActiveStyle(activeStyles, "background");
        return true;
      }
      if (code === ANSI_SGR_RESET_UNDERLINE_COLOR) {
        removeActiveStyle(activeStyles, "underlineColor");
        return true;
      }
      if (ANSI_SGR_MODIFIER_CLOSE_CODES.has(code)) {
        removeModifierStylesByClose(activeStyles, code);
        return true;
      }
      return false;
    };
    applySgrToken = (sgrToken, activeStyles) => {
      const { code } = sgrToken;
      if (applySgrResetCode(code, activeStyles)) {
        return;
      }
      const colorStyle = getColorStyle(sgrToken);
      if (colorStyle) {
        upsertActiveStyle(activeStyles, colorStyle);
        return;
      }
      const close = ansi_styles_default.codes.get(code);
      if (close !== void 0 && close !== ANSI_SGR_RESET) {
        upsertActiveStyle(activeStyles, {
          family: `modifier-${code}`,
          open: sgrToken.open,
          close
        });
      }
    };
    applySgrParameters = (sgrParameters, activeStyles) => {
      for (const sgrToken of getSgrTokens(sgrParameters)) {
        applySgrToken(sgrToken, activeStyles);
      }
    };
    applySgrResets = (sgrParameters, activeStyles) => {
      for (const { code } of getSgrTokens(sgrParameters)) {
        applySgrResetCode(code, activeStyles);
      }
    };
    applyLeadingSgrResets = (string2, startIndex, activeStyles) => {
      let index = startIndex;
      while (index < string2.length) {
        const match = matchAnsiEscape(string2, index);
        if (!match) {
          break;
        }
        if (match.groups.sgr !== void 0) {
          applySgrResets(match.groups.sgr, activeStyles);
        }
        index += match[0].length;
      }
    };
    getClosingSgrSequence = (activeStyles) => [...activeStyles].reverse().map((activeStyle) => wrapAnsiCode(activeStyle.close)).join("");
    getOpeningSgrSequence = (activeStyles) => activeStyles.map((activeStyle) => wrapAnsiCode(activeStyle.open)).join("");
    wrapWord = (rows, word, columns, rowWidth) => {
      const tokens = getTokens(word);
      let visible = rowWidth;
      for (let index = 0; index < tokens.length; index++) {
        const token = tokens[index];
        if (token.width > 0 && visible > 0 && visible + token.width > columns) {
          rows.push("");
          visible = 0;
        }
        rows[rows.length - 1] += token.value;
        visible += token.width;
        if (visible === columns && index < tokens.length - 1) {
          rows.push("");
          visible = 0;
        }
      }
      if (!visible && rows.at(-1).length > 0 && rows.length > 1) {
        rows[rows.length - 2] += rows.pop();
      }
      return getWidth(rows.at(-1));
    };
    stringVisibleTrimSpacesRight = (string2) => {
      if (!string2.includes(" ")) {
        return string2;
      }
      const segments = [];
      forEachSegment(string2, (plainText) => {
        segments.push({ value: plainText, isEscape: false });
      }, (escape2) => {
        segments.push({ value: escape2, isEscape: true });
      });
      for (let index = segments.length - 1; index >= 0; index--) {
        const segment = segments[index];
        if (segment.isEscape) {
          continue;
        }
        let end = segment.value.length;
        while (end > 0 && segment.value[end - 1] === " ") {
          end--;
        }
        segment.value = segment.value.slice(0, end);
        if (getStringWidth(segment.value) > 0) {
          break;
        }
      }
      return segments.map((segment) => segment.value).join("");
    };
    expandTabs = (line) => {
      if (!line.includes("	")) {
        return line;
      }
      let visible = 0;
      let expandedLine = "";
      let plainTextSinceTab = "";
      const expandPlainText = (plainText) => {
        const segments = plainText.split("	");
        for (const [index, segment] of segments.entries()) {
          expandedLine += segment;
          plainTextSinceTab += segment;
          if (index < segments.length - 1) {
            visible += getStringWidth(plainTextSinceTab);
            plainTextSinceTab = "";
            const spaces = TAB_SIZE - visible % TAB_SIZE;
            expandedLine += " ".repeat(spaces);
            visible += spaces;
          }
        }
      };
      forEachSegment(line, expandPlainText, (escape2) => {
        expandedLine += escape2;
      });
      return expandedLine;
    };
    restoreStylesAcrossRows = (preString) => {
      let returnValue = "";
      let activeHyperlink;
      const activeStyles = [];
      let index = 0;
      let copiedIndex = 0;
      while (index < preString.length) {
        ROW_BOUNDARY_REGEX.lastIndex = index;
        const boundary = ROW_BOUNDARY_REGEX.exec(preString);
        if (!boundary) {
          break;
        }
        index = boundary.index;
        if (boundary[0] !== "\n") {
          const escape2 = matchAnsiEscape(preString, index);
          if (!escape2) {
            index++;
            continue;
          }
          const { groups } = escape2;
          if (groups.sgr !== void 0) {
            applySgrParameters(groups.sgr, activeStyles);
          } else if (groups.uri !== void 0) {
            activeHyperlink = groups.uri.length === 0 ? void 0 : { parameters: groups.parameters, uri: groups.uri };
          }
          index += escape2[0].length;
          continue;
        }
        returnValue += preString.slice(copiedIndex, index);
        if (index > copiedIndex) {
          if (activeHyperlink) {
            returnValue += wrapAnsiHyperlink("");
          }
          returnValue += getClosingSgrSequence(activeStyles);
        }
        returnValue += "\n";
        index++;
        copiedIndex = index;
        if (index < preString.length && preString[index] !== "\n") {
          const openingStyles = [...activeStyles];
          applyLeadingSgrResets(preString, index, openingStyles);
          returnValue += getOpeningSgrSequence(openingStyles);
          if (activeHyperlink) {
            returnValue += wrapAnsiHyperlink(activeHyperlink.uri, activeHyperlink.parameters);
          }
        }
      }
      return returnValue + preString.slice(copiedIndex);
    };
    exec = (string2, columns, options = {}) => {
      if (options.trim !== false && string2.trim() === "") {
        return "";
      }
      const words = splitWords(string2);
      let rows = [""];
      let rowLength = 0;
      let trimmedRowIndex = -1;
      let isFirstWord = true;
      for (const word of words) {
        const rowIndex = rows.length - 1;
        if (options.trim !== false && trimmedRowIndex !== rowIndex) {
          const row = rows[rowIndex];
          const trimmedRow = row.trimStart();
          if (trimmedRow.length !== row.length) {
            rows[rowIndex] = trimmedRow;
            rowLength = getWidth(trimmedRow);
          }
          if (trimmedRow.length > 0) {
            trimmedRowIndex = rowIndex;
          }
        }
        if (isFirstWord) {
          isFirstWord = false;
        } else {
          if (rowLength >= columns && (options.wordWrap === false || options.trim === false)) {
            rows.push("");
            rowLength = 0;
          }
          if (rowLength > 0 || options.trim === false) {
            rows[rows.length - 1] += " ";
            rowLength++;
          }
        }
        if (options.hard && options.wordWrap !== false && word.width > columns) {
          const remainingColumns = columns - rowLength;
          const breaksStartingThisLine = 1 + Math.floor((word.width - remainingColumns - 1) / columns);
          const breaksStartingNextLine = Math.floor((word.width - 1) / columns);
          if (breaksStartingNextLine < breaksStartingThisLine) {
            rows.push("");
            rowLength = 0;
          }
          rowLength = wrapWord(rows, word.value, columns, rowLength);
          continue;
        }
        if (rowLength + word.width > columns && rowLength > 0 && word.width > 0) {
          if (options.wordWrap === false && rowLength < columns) {
            rowLength = wrapWord(rows, word.value, columns, rowLength);
            continue;
          }
          rows.push("");
          rowLength = 0;
        }
        if (rowLength + word.width > columns && options.wordWrap === false) {
          rowLength = wrapWord(rows, word.value, columns, rowLength);
          continue;
        }
        rows[rows.length - 1] += word.value;
        rowLength += word.width;
      }
      if (options.trim !== false) {
        rows = rows.map((row) => stringVisibleTrimSpacesRight(row));
      }
      return restoreStylesAcrossRows(rows.join("\n"));
    };
    normalizeText = (string2) => {
      let normalizedString = "";
      forEachSegment(string2, (plainText) => {
        normalizedString += plainText.normalize();
      }, (escape2) => {
        normalizedString += escape2;
      });
      return normalizedString;
    };
  }
});

// node_modules/is-fullwidth-code-point/index.js
function isFullwidthCodePoint(codePoint) {
  if (!Number.isInteger(codePoint)) {
    return false;
  }
  return isFullwidth(codePoint) || isWide(codePoint);
}
var init_is_fullwidth_code_point = __esm({
  "node_modules/is-fullwidth-code-point/index.js"() {
    init_get_east_asian_width();
  }
});

// node_modules/slice-ansi/tokenize-ansi.js
function isSgrParameterCharacter(codePoint) {
  return codePoint >= CODE_POINT_0 && codePoint <= CODE_POINT_9 || codePoint === CODE_POINT_SEMICOLON || codePoint === CODE_POINT_COLON;
}
function isCsiParameterCharacter(codePoint) {
  return codePoint >= CODE_POINT_CSI_PARAMETER_START && codePoint <= CODE_POINT_CSI_PARAMETER_END;
}
function isCsiIntermediateCharacter(codePoint) {
  return codePoint >= CODE_POINT_CSI_INTERMEDIATE_START && codePoint <= CODE_POINT_CSI_INTERMEDIATE_END;
}
function isCsiFinalCharacter(codePoint) {
  return codePoint >= CODE_POINT_CSI_FINAL_START && codePoint <= CODE_POINT_CSI_FINAL_END;
}
function isRegionalIndicatorCodePoint(codePoint) {
  return codePoint >= REGIONAL_INDICATOR_SYMBOL_LETTER_A && codePoint <= REGIONAL_INDICATOR_SYMBOL_LETTER_Z;
}
function createControlParseResult(code, endIndex) {
  return {
    token: {
      type: "control",
      code
    },
    endIndex
  };
}
function isEmojiStyleGrapheme(grapheme) {
  if (EMOJI_PRESENTATION_GRAPHEME_REGEX.test(grapheme)) {
    return true;
  }
  for (const character of grapheme) {
    const codePoint = character.codePointAt(0);
    if (codePoint === VARIATION_SELECTOR_16_CODE_POINT || codePoint === COMBINING_ENCLOSING_KEYCAP_CODE_POINT) {
      return true;
    }
  }
  return false;
}
function getGraphemeWidth(grapheme) {
  let regionalIndicatorCount = 0;
  for (const character of grapheme) {
    const codePoint = character.codePointAt(0);
    if (isFullwidthCodePoint(codePoint)) {
      return 2;
    }
    if (isRegionalIndicatorCodePoint(codePoint)) {
      regionalIndicatorCount++;
    }
  }
  if (regionalIndicatorCount >= 1) {
    return 2;
  }
  if (isEmojiStyleGrapheme(grapheme)) {
    return 2;
  }
  return 1;
}
function getSgrPrefix(code) {
  if (code.startsWith("")) {
    return "";
  }
  return `${ESCAPE}${ANSI_CSI2}`;
}
function createSgrCode(prefix, values) {
  return `${prefix}${values.join(";")}${ANSI_SGR_TERMINATOR2}`;
}
function getSgrFragments(code) {
  const fragments = [];
  const sgrPrefix = getSgrPrefix(code);
  let parameterString;
  if (code.startsWith(`${ESCAPE}${ANSI_CSI2}`)) {
    parameterString = code.slice(2, -1);
  } else if (code.startsWith("")) {
    parameterString = code.slice(1, -1);
  } else {
    return fragments;
  }
  const rawCodes = parameterString.length === 0 ? [String(SGR_RESET_CODE)] : parameterString.split(";");
  let index = 0;
  while (index < rawCodes.length) {
    const codeNumber = Number.parseInt(rawCodes[index], 10);
    if (Number.isNaN(codeNumber)) {
      index++;
      continue;
    }
    if (codeNumber === SGR_RESET_CODE) {
      fragments.push({ type: "reset" });
      index++;
      continue;
    }
    if (codeNumber === SGR_EXTENDED_FOREGROUND_CODE || codeNumber === SGR_EXTENDED_BACKGROUND_CODE) {
      const colorType = Number.parseInt(rawCodes[index + 1], 10);
      if (colorType === SGR_COLOR_TYPE_ANSI_256 && index + SGR_ANSI_256_LAST_PARAMETER_OFFSET < rawCodes.length) {
        const openCode3 = createSgrCode(sgrPrefix, rawCodes.slice(index, index + SGR_ANSI_256_FRAGMENT_LENGTH));
        fragments.push({
          type: "start",
          code: openCode3,
          endCode: ansi_styles_default.color.ansi(codeNumber === SGR_EXTENDED_FOREGROUND_CODE ? SGR_DEFAULT_FOREGROUND_CODE : SGR_DEFAULT_BACKGROUND_CODE)
        });
        index += SGR_ANSI_256_FRAGMENT_LENGTH;
        continue;
      }
      if (colorType === SGR_COLOR_TYPE_TRUECOLOR && index + SGR_TRUECOLOR_LAST_PARAMETER_OFFSET < rawCodes.length) {
        const openCode3 = createSgrCode(sgrPrefix, rawCodes.slice(index, index + SGR_TRUECOLOR_FRAGMENT_LENGTH));
        fragments.push({
          type: "start",
          code: openCode3,
          endCode: ansi_styles_default.color.ansi(codeNumber === SGR_EXTENDED_FOREGROUND_CODE ? SGR_DEFAULT_FOREGROUND_CODE : SGR_DEFAULT_BACKGROUND_CODE)
        });
        index += SGR_TRUECOLOR_FRAGMENT_LENGTH;
        continue;
      }
      const openCode2 = createSgrCode(sgrPrefix, [rawCodes[index]]);
      fragments.push({
        type: "start",
        code: openCode2,
        endCode: ansi_styles_default.color.ansi(codeNumber === SGR_EXTENDED_FOREGROUND_CODE ? SGR_DEFAULT_FOREGROUND_CODE : SGR_DEFAULT_BACKGROUND_CODE)
      });
      index++;
      continue;
    }
    if (endCodeNumbers.has(codeNumber)) {
      fragments.push({
        type: "end",
        endCode: ansi_styles_default.color.ansi(codeNumber)
      });
      index++;
      continue;
    }
    const mappedEndCode = ansi_styles_default.codes.get(codeNumber);
    if (mappedEndCode !== void 0) {
      const openCode2 = createSgrCode(sgrPrefix, [rawCodes[index]]);
      fragments.push({
        type: "start",
        code: openCode2,
        endCode: ansi_styles_default.color.ansi(mappedEndCode)
      });
      index++;
      continue;
    }
    const openCode = createSgrCode(sgrPrefix, [rawCodes[index]]);
    fragments.push({
      type: "start",
      code: openCode,
      endCode: ansi_styles_default.reset.open
    });
    index++;
  }
  if (fragments.length === 0) {
    fragments.push({ type: "reset" });
  }
  return fragments;
}
function parseCsiCode(string2, index) {
  const escapeCodePoint = string2.codePointAt(index);
  let sequenceStartIndex;
  if (escapeCodePoint === ESCAPE_CODE_POINT) {
    if (string2[index + 1] !== ANSI_CSI2) {
      return;
    }
    sequenceStartIndex = index + 2;
  } else if (escapeCodePoint === C1_CSI_CODE_POINT) {
    sequenceStartIndex = index + 1;
  } else {
    return;
  }
  let hasCanonicalSgrParameters = true;
  for (let sequenceIndex = sequenceStartIndex; sequenceIndex < string2.length; sequenceIndex++) {
    const codePoint = string2.codePointAt(sequenceIndex);
    if (isCsiFinalCharacter(codePoint)) {
      const code = string2.slice(index, sequenceIndex + 1);
      if (string2[sequenceIndex] !== ANSI_SGR_TERMINATOR2 || !hasCanonicalSgrParameters) {
        return createControlParseResult(code, sequenceIndex + 1);
      }
      return {
        token: {
          type: "sgr",
          code,
          fragments: getSgrFragments(code)
        },
        endIndex: sequenceIndex + 1
      };
    }
    if (isCsiParameterCharacter(codePoint)) {
      if (!isSgrParameterCharacter(codePoint)) {
        hasCanonicalSgrParameters = false;
      }
      continue;
    }
    if (isCsiIntermediateCharacter(codePoint)) {
      hasCanonicalSgrParameters = false;
      continue;
    }
    const endIndex = sequenceIndex;
    return createControlParseResult(string2.slice(index, endIndex), endIndex);
  }
  return createControlParseResult(string2.slice(index), string2.length);
}
function parseHyperlinkCode(string2, index) {
  let hyperlinkPrefix;
  let hyperlinkClose;
  const codePoint = string2.codePointAt(index);
  if (codePoint === ESCAPE_CODE_POINT && string2.startsWith(ANSI_HYPERLINK_ESC_PREFIX, index)) {
    hyperlinkPrefix = ANSI_HYPERLINK_ESC_PREFIX;
    hyperlinkClose = ANSI_HYPERLINK_ESC_CLOSE;
  } else if (codePoint === C1_OSC_CODE_POINT && string2.startsWith(ANSI_HYPERLINK_C1_PREFIX, index)) {
    hyperlinkPrefix = ANSI_HYPERLINK_C1_PREFIX;
    hyperlinkClose = ANSI_HYPERLINK_C1_CLOSE;
  } else {
    return;
  }
  const uriStart = string2.indexOf(";", index + hyperlinkPrefix.length);
  if (uriStart === -1) {
    return createControlParseResult(string2.slice(index), string2.length);
  }
  for (let sequenceIndex = uriStart + 1; sequenceIndex < string2.length; sequenceIndex++) {
    const character = string2[sequenceIndex];
    if (character === ANSI_BELL) {
      const code = string2.slice(index, sequenceIndex + 1);
      const action = sequenceIndex === uriStart + 1 ? "close" : "open";
      return {
        token: {
          type: "hyperlink",
          code,
          action,
          closePrefix: hyperlinkClose,
          terminator: ANSI_BELL
        },
        endIndex: sequenceIndex + 1
      };
    }
    if (character === ESCAPE && string2[sequenceIndex + 1] === ANSI_OSC_TERMINATOR) {
      const code = string2.slice(index, sequenceIndex + 2);
      const action = sequenceIndex === uriStart + 1 ? "close" : "open";
      return {
        token: {
          type: "hyperlink",
          code,
          action,
          closePrefix: hyperlinkClose,
          terminator: ANSI_STRING_TERMINATOR
        },
        endIndex: sequenceIndex + 2
      };
    }
    if (character === C1_STRING_TERMINATOR) {
      const code = string2.slice(index, sequenceIndex + 1);
      const action = sequenceIndex === uriStart + 1 ? "close" : "open";
      return {
        token: {
          type: "hyperlink",
          code,
          action,
          closePrefix: hyperlinkClose,
          terminator: C1_STRING_TERMINATOR
        },
        endIndex: sequenceIndex + 1
      };
    }
  }
  return createControlParseResult(string2.slice(index), string2.length);
}
function parseControlStringCode(string2, index) {
  const codePoint = string2.codePointAt(index);
  let sequenceStartIndex;
  let supportsBellTerminator = false;
  switch (codePoint) {
    case ESCAPE_CODE_POINT: {
      const command = string2[index + 1];
      switch (command) {
        case ANSI_OSC2: {
          sequenceStartIndex = index + 2;
          supportsBellTerminator = true;
          break;
        }
        case ANSI_DCS:
        case ANSI_SOS:
        case ANSI_PM:
        case ANSI_APC: {
          sequenceStartIndex = index + 2;
          break;
        }
        case ANSI_OSC_TERMINATOR: {
          return createControlParseResult(ANSI_STRING_TERMINATOR, index + 2);
        }
        default: {
          return;
        }
      }
      break;
    }
    case C1_OSC_CODE_POINT: {
      sequenceStartIndex = index + 1;
      supportsBellTerminator = true;
      break;
    }
    case C1_DCS_CODE_POINT:
    case C1_SOS_CODE_POINT:
    case C1_PM_CODE_POINT:
    case C1_APC_CODE_POINT: {
      sequenceStartIndex = index + 1;
      break;
    }
    case C1_ST_CODE_POINT: {
      return createControlParseResult(C1_STRING_TERMINATOR, index + 1);
    }
    default: {
      return;
    }
  }
  for (let sequenceIndex = sequenceStartIndex; sequenceIndex < string2.length; sequenceIndex++) {
    if (supportsBellTerminator && string2[sequenceIndex] === ANSI_BELL) {
      return createControlParseResult(string2.slice(index, sequenceIndex + 1), sequenceIndex + 1);
    }
    if (string2[sequenceIndex] === ESCAPE && string2[sequenceIndex + 1] === ANSI_OSC_TERMINATOR) {
      return createControlParseResult(string2.slice(index, sequenceIndex + 2), sequenceIndex + 2);
    }
    if (string2[sequenceIndex] === C1_STRING_TERMINATOR) {
      return createControlParseResult(string2.slice(index, sequenceIndex + 1), sequenceIndex + 1);
    }
  }
  return createControlParseResult(string2.slice(index), string2.length);
}
function parseAnsiCode(string2, index) {
  const codePoint = string2.codePointAt(index);
  if (codePoint === ESCAPE_CODE_POINT || codePoint === C1_OSC_CODE_POINT) {
    const hyperlinkCode = parseHyperlinkCode(string2, index);
    if (hyperlinkCode) {
      return hyperlinkCode;
    }
  }
  const controlStringCode = parseControlStringCode(string2, index);
  if (controlStringCode) {
    return controlStringCode;
  }
  return parseCsiCode(string2, index);
}
function appendTrailingAnsiTokens(string2, index, tokens) {
  while (index < string2.length) {
    const nextCodePoint = string2.codePointAt(index);
    if (!ESCAPES2.has(nextCodePoint)) {
      break;
    }
    const escapeCode = parseAnsiCode(string2, index);
    if (!escapeCode) {
      break;
    }
    tokens.push(escapeCode.token);
    index = escapeCode.endIndex;
  }
  return index;
}
function parseCharacterTokenWithRawSegmentation(string2, index, graphemeSegments) {
  const segment = graphemeSegments.containing(index);
  if (!segment || segment.index !== index) {
    return;
  }
  return {
    token: {
      type: "character",
      // Intentionally preserve UAX29 behavior (GB3): CRLF is one grapheme cluster.
      value: segment.segment,
      visibleWidth: getGraphemeWidth(segment.segment),
      isGraphemeContinuation: false
    },
    endIndex: index + segment.segment.length
  };
}
function collectVisibleCharacters(string2) {
  const visibleCharacters = [];
  let index = 0;
  while (index < string2.length) {
    const codePoint = string2.codePointAt(index);
    if (ESCAPES2.has(codePoint)) {
      const code = parseAnsiCode(string2, index);
      if (code) {
        index = code.endIndex;
        continue;
      }
    }
    const value = String.fromCodePoint(codePoint);
    visibleCharacters.push({
      value,
      visibleWidth: 1,
      isGraphemeContinuation: false
    });
    index += value.length;
  }
  return visibleCharacters;
}
function applyGraphemeMetadata(visibleCharacters) {
  if (visibleCharacters.length === 0) {
    return;
  }
  const visibleString = visibleCharacters.map(({ value }) => value).join("");
  const scalarOffsets = [];
  let scalarOffset = 0;
  for (const visibleCharacter of visibleCharacters) {
    scalarOffsets.push(scalarOffset);
    scalarOffset += visibleCharacter.value.length;
  }
  let scalarIndex = 0;
  for (const segment of GRAPHEME_SEGMENTER.segment(visibleString)) {
    while (scalarIndex < visibleCharacters.length && scalarOffsets[scalarIndex] < segment.index) {
      scalarIndex++;
    }
    let graphemeIndex = scalarIndex;
    let isFirstInGrapheme = true;
    while (graphemeIndex < visibleCharacters.length && scalarOffsets[graphemeIndex] < segment.index + segment.segment.length) {
      visibleCharacters[graphemeIndex].visibleWidth = isFirstInGrapheme ? getGraphemeWidth(segment.segment) : 0;
      visibleCharacters[graphemeIndex].isGraphemeContinuation = !isFirstInGrapheme;
      isFirstInGrapheme = false;
      graphemeIndex++;
    }
    scalarIndex = graphemeIndex;
  }
}
function tokenizeAnsiWithVisibleSegmentation(string2, { endCharacter = Number.POSITIVE_INFINITY } = {}) {
  const tokens = [];
  const visibleCharacters = collectVisibleCharacters(string2);
  applyGraphemeMetadata(visibleCharacters);
  let index = 0;
  let visibleCharacterIndex = 0;
  let visibleCount = 0;
  while (index < string2.length) {
    const codePoint = string2.codePointAt(index);
    if (ESCAPES2.has(codePoint)) {
      const code = parseAnsiCode(string2, index);
      if (code) {
        tokens.push(code.token);
        index = code.endIndex;
        continue;
      }
    }
    const value = String.fromCodePoint(codePoint);
    const visibleCharacter = visibleCharacters[visibleCharacterIndex];
    let visibleWidth = isFullwidthCodePoint(codePoint) ? 2 : value.length;
    if (visibleCharacter) {
      visibleWidth = visibleCharacter.visibleWidth;
    }
    const token = {
      type: "character",
      value,
      visibleWidth,
      isGraphemeContinuation: visibleCharacter ? visibleCharacter.isGraphemeContinuation : false
    };
    tokens.push(token);
    index += value.length;
    visibleCharacterIndex++;
    visibleCount += token.visibleWidth;
    if (visibleCount >= endCharacter) {
      const nextVisibleCharacter = visibleCharacters[visibleCharacterIndex];
      if (!nextVisibleCharacter || !nextVisibleCharacter.isGraphemeContinuation) {
        index = appendTrailingAnsiTokens(string2, index, tokens);
        break;
      }
    }
  }
  return tokens;
}
function areValuesInSameGrapheme(leftValue, rightValue) {
  const pair = `${leftValue}${rightValue}`;
  const splitIndex = leftValue.length;
  for (const segment of GRAPHEME_SEGMENTER.segment(pair)) {
    if (segment.index === splitIndex) {
      return false;
    }
    if (segment.index > splitIndex) {
      return true;
    }
  }
  return true;
}
function hasAnsiSplitContinuationAhead(string2, startIndex, previousVisibleValue, graphemeSegments) {
  if (!previousVisibleValue) {
    return false;
  }
  let index = startIndex;
  let hasAnsiCode = false;
  while (index < string2.length) {
    const codePoint = string2.codePointAt(index);
    if (ESCAPES2.has(codePoint)) {
      const code = parseAnsiCode(string2, index);
      if (code) {
        hasAnsiCode = true;
        index = code.endIndex;
        continue;
      }
    }
    if (!hasAnsiCode) {
      return false;
    }
    const characterToken = parseCharacterTokenWithRawSegmentation(string2, index, graphemeSegments);
    if (!characterToken) {
      return true;
    }
    return areValuesInSameGrapheme(previousVisibleValue, characterToken.token.value);
  }
  return false;
}
function tokenizeAnsi(string2, { endCharacter = Number.POSITIVE_INFINITY } = {}) {
  const tokens = [];
  const graphemeSegments = GRAPHEME_SEGMENTER.segment(string2);
  let index = 0;
  let visibleCount = 0;
  let previousVisibleValue;
  let hasAnsiSinceLastVisible = false;
  while (index < string2.length) {
    const codePoint = string2.codePointAt(index);
    if (ESCAPES2.has(codePoint)) {
      const code = parseAnsiCode(string2, index);
      if (code) {
        tokens.push(code.token);
        index = code.endIndex;
        hasAnsiSinceLastVisible = true;
        continue;
      }
    }
    const characterToken = parseCharacterTokenWithRawSegmentation(string2, index, graphemeSegments);
    if (!characterToken) {
      return tokenizeAnsiWithVisibleSegmentation(string2, { endCharacter });
    }
    if (hasAnsiSinceLastVisible && previousVisibleValue && areValuesInSameGrapheme(previousVisibleValue, characterToken.token.value)) {
      return tokenizeAnsiWithVisibleSegmentation(string2, { endCharacter });
    }
    tokens.push(characterToken.token);
    index = characterToken.endIndex;
    visibleCount += characterToken.token.visibleWidth;
    hasAnsiSinceLastVisible = false;
    previousVisibleValue = characterToken.token.value;
    if (visibleCount >= endCharacter) {
      if (hasAnsiSplitContinuationAhead(string2, index, previousVisibleValue, graphemeSegments)) {
        return tokenizeAnsiWithVisibleSegmentation(string2, { endCharacter });
      }
      index = appendTrailingAnsiTokens(string2, index, tokens);
      break;
    }
  }
  return tokens;
}
var ESCAPE_CODE_POINT, C1_DCS_CODE_POINT, C1_SOS_CODE_POINT, C1_CSI_CODE_POINT, C1_ST_CODE_POINT, C1_OSC_CODE_POINT, C1_PM_CODE_POINT, C1_APC_CODE_POINT, ESCAPES2, ESCAPE, ANSI_BELL, ANSI_CSI2, ANSI_OSC2, ANSI_DCS, ANSI_SOS, ANSI_PM, ANSI_APC, ANSI_SGR_TERMINATOR2, ANSI_OSC_TERMINATOR, ANSI_STRING_TERMINATOR, C1_OSC, C1_STRING_TERMINATOR, ANSI_HYPERLINK_ESC_PREFIX, ANSI_HYPERLINK_C1_PREFIX, ANSI_HYPERLINK_ESC_CLOSE, ANSI_HYPERLINK_C1_CLOSE, CODE_POINT_0, CODE_POINT_9, CODE_POINT_SEMICOLON, CODE_POINT_COLON, CODE_POINT_CSI_PARAMETER_START, CODE_POINT_CSI_PARAMETER_END, CODE_POINT_CSI_INTERMEDIATE_START, CODE_POINT_CSI_INTERMEDIATE_END, CODE_POINT_CSI_FINAL_START, CODE_POINT_CSI_FINAL_END, REGIONAL_INDICATOR_SYMBOL_LETTER_A, REGIONAL_INDICATOR_SYMBOL_LETTER_Z, SGR_RESET_CODE, SGR_EXTENDED_FOREGROUND_CODE, SGR_DEFAULT_FOREGROUND_CODE, SGR_EXTENDED_BACKGROUND_CODE, SGR_DEFAULT_BACKGROUND_CODE, SGR_COLOR_TYPE_ANSI_256, SGR_COLOR_TYPE_TRUECOLOR, SGR_ANSI_256_FRAGMENT_LENGTH, SGR_TRUECOLOR_FRAGMENT_LENGTH, SGR_ANSI_256_LAST_PARAMETER_OFFSET, SGR_TRUECOLOR_LAST_PARAMETER_OFFSET, VARIATION_SELECTOR_16_CODE_POINT, COMBINING_ENCLOSING_KEYCAP_CODE_POINT, EMOJI_PRESENTATION_GRAPHEME_REGEX, GRAPHEME_SEGMENTER, endCodeNumbers;
var init_tokenize_ansi = __esm({
  "node_modules/slice-ansi/tokenize-ansi.js"() {
    init_ansi_styles();
    init_is_fullwidth_code_point();
    ESCAPE_CODE_POINT = 27;
    C1_DCS_CODE_POINT = 144;
    C1_SOS_CODE_POINT = 152;
    C1_CSI_CODE_POINT = 155;
    C1_ST_CODE_POINT = 156;
    C1_OSC_CODE_POINT = 157;
    C1_PM_CODE_POINT = 158;
    C1_APC_CODE_POINT = 159;
    ESCAPES2 = /* @__PURE__ */ new Set([
      ESCAPE_CODE_POINT,
      C1_DCS_CODE_POINT,
      C1_SOS_CODE_POINT,
      C1_CSI_CODE_POINT,
      C1_ST_CODE_POINT,
      C1_OSC_CODE_POINT,
      C1_PM_CODE_POINT,
      C1_APC_CODE_POINT
    ]);
    ESCAPE = "\x1B";
    ANSI_BELL = "\x07";
    ANSI_CSI2 = "[";
    ANSI_OSC2 = "]";
    ANSI_DCS = "P";
    ANSI_SOS = "X";
    ANSI_PM = "^";
    ANSI_APC = "_";
    ANSI_SGR_TERMINATOR2 = "m";
    ANSI_OSC_TERMINATOR = "\\";
    ANSI_STRING_TERMINATOR = `${ESCAPE}${ANSI_OSC_TERMINATOR}`;
    C1_OSC = "";
    C1_STRING_TERMINATOR = "";
    ANSI_HYPERLINK_ESC_PREFIX = `${ESCAPE}${ANSI_OSC2}8;`;
    ANSI_HYPERLINK_C1_PREFIX = `${C1_OSC}8;`;
    ANSI_HYPERLINK_ESC_CLOSE = `${ANSI_HYPERLINK_ESC_PREFIX};`;
    ANSI_HYPERLINK_C1_CLOSE = `${ANSI_HYPERLINK_C1_PREFIX};`;
    CODE_POINT_0 = "0".codePointAt(0);
    CODE_POINT_9 = "9".codePointAt(0);
    CODE_POINT_SEMICOLON = ";".codePointAt(0);
    CODE_POINT_COLON = ":".codePointAt(0);
    CODE_POINT_CSI_PARAMETER_START = "0".codePointAt(0);
    CODE_POINT_CSI_PARAMETER_END = "?".codePointAt(0);
    CODE_POINT_CSI_INTERMEDIATE_START = " ".codePointAt(0);
    CODE_POINT_CSI_INTERMEDIATE_END = "/".codePointAt(0);
    CODE_POINT_CSI_FINAL_START = "@".codePointAt(0);
    CODE_POINT_CSI_FINAL_END = "~".codePointAt(0);
    REGIONAL_INDICATOR_SYMBOL_LETTER_A = 127462;
    REGIONAL_INDICATOR_SYMBOL_LETTER_Z = 127487;
    SGR_RESET_CODE = 0;
    SGR_EXTENDED_FOREGROUND_CODE = 38;
    SGR_DEFAULT_FOREGROUND_CODE = 39;
    SGR_EXTENDED_BACKGROUND_CODE = 48;
    SGR_DEFAULT_BACKGROUND_CODE = 49;
    SGR_COLOR_TYPE_ANSI_256 = 5;
    SGR_COLOR_TYPE_TRUECOLOR = 2;
    SGR_ANSI_256_FRAGMENT_LENGTH = 3;
    SGR_TRUECOLOR_FRAGMENT_LENGTH = 5;
    SGR_ANSI_256_LAST_PARAMETER_OFFSET = 2;
    SGR_TRUECOLOR_LAST_PARAMETER_OFFSET = 4;
    VARIATION_SELECTOR_16_CODE_POINT = 65039;
    COMBINING_ENCLOSING_KEYCAP_CODE_POINT = 8419;
    EMOJI_PRESENTATION_GRAPHEME_REGEX = new RegExp("\\p{Emoji_Presentation}", "v");
    GRAPHEME_SEGMENTER = new Intl.Segmenter(void 0, { granularity: "grapheme" });
    endCodeNumbers = /* @__PURE__ */ new Set();
    for (const [, end] of ansi_styles_default.codes) {
      endCodeNumbers.add(end);
    }
  }
});

// node_modules/slice-ansi/index.js
function applySgrFragments(activeStyles, fragments) {
  for (const fragment of fragments) {
    switch (fragment.type) {
      case "reset": {
        activeStyles.clear();
        break;
      }
      case "end": {
        activeStyles.delete(fragment.endCode);
        break;
      }
      case "start": {
        activeStyles.delete(fragment.endCode);
        activeStyles.set(fragment.endCode, fragment.code);
        break;
      }
      default: {
        break;
      }
    }
  }
  return activeStyles;
}
function undoAnsiCodes(activeStyles) {
  return [...activeStyles.keys()].toReversed().join("");
}
function closeHyperlink(hyperlinkToken) {
  return `${hyperlinkToken.closePrefix}${hyperlinkToken.terminator}`;
}
function shouldIncludeSgrAfterEnd(token, activeStyles) {
  let hasStartFragment = false;
  let hasClosingEffect = false;
  for (const fragment of token.fragments) {
    if (fragment.type === "start") {
      hasStartFragment = true;
      continue;
    }
    if (fragment.type === "reset" && activeStyles.size > 0) {
      hasClosingEffect = true;
      continue;
    }
    if (fragment.type === "end" && activeStyles.has(fragment.endCode)) {
      hasClosingEffect = true;
    }
  }
  return hasClosingEffect && !hasStartFragment;
}
function hasSgrStartFragment(token) {
  return token.fragments.some((fragment) => fragment.type === "start");
}
function discardPendingHyperlink(state) {
  if (state.activeHyperlink && !state.activeHyperlinkHasVisibleText && state.activeHyperlinkOutputIndex !== void 0) {
    const openCodeLength = state.activeHyperlink.code.length;
    state.returnValue = state.returnValue.slice(0, state.activeHyperlinkOutputIndex) + state.returnValue.slice(state.activeHyperlinkOutputIndex + openCodeLength);
    if (state.pendingSgrOutputIndex !== void 0 && state.pendingSgrOutputIndex > state.activeHyperlinkOutputIndex) {
      state.pendingSgrOutputIndex -= openCodeLength;
    }
  }
  state.activeHyperlink = void 0;
  state.activeHyperlinkHasVisibleText = false;
  state.activeHyperlinkOutputIndex = void 0;
}
function settleActiveHyperlink(state) {
  if (state.activeHyperlinkHasVisibleText) {
    state.returnValue += closeHyperlink(state.activeHyperlink);
  } else {
    discardPendingHyperlink(state);
  }
}
function applySgrToken2(state) {
  if (state.isPastEnd && !shouldIncludeSgrAfterEnd(state.token, state.activeStyles)) {
    return;
  }
  if (state.include && hasSgrStartFragment(state.token) && state.pendingSgrOutputIndex === void 0) {
    state.pendingSgrOutputIndex = state.returnValue.length;
    state.pendingSgrActiveStyles = new Map(state.activeStyles);
  }
  state.activeStyles = applySgrFragments(state.activeStyles, state.token.fragments);
  if (state.include) {
    state.returnValue += state.token.code;
  }
}
function applyHyperlinkToken(state) {
  if (state.isPastEnd && (state.token.action !== "close" || !state.activeHyperlink)) {
    return;
  }
  if (state.token.action === "open") {
    if (state.activeHyperlink) {
      settleActiveHyperlink(state);
    }
    state.activeHyperlink = state.token;
    state.activeHyperlinkHasVisibleText = false;
    state.activeHyperlinkOutputIndex = void 0;
    if (state.include) {
      state.activeHyperlinkOutputIndex = state.returnValue.length;
    }
  } else if (state.token.action === "close") {
    if (state.include && state.activeHyperlink && !state.activeHyperlinkHasVisibleText) {
      discardPendingHyperlink(state);
      return;
    }
    state.activeHyperlink = void 0;
    state.activeHyperlinkHasVisibleText = false;
    state.activeHyperlinkOutputIndex = void 0;
  }
  if (state.include) {
    state.returnValue += state.token.code;
  }
}
function applyControlToken(state) {
  if (!state.isPastEnd && state.include) {
    state.returnValue += state.token.code;
  }
}
function applyCharacterToken(state) {
  if (!state.include && state.position >= state.start && !state.token.isGraphemeContinuation) {
    state.include = true;
    state.returnValue = [...state.activeStyles.values()].join("");
    if (state.activeHyperlink) {
      state.activeHyperlinkOutputIndex = state.returnValue.length;
      state.returnValue += state.activeHyperlink.code;
    }
  }
  if (state.include) {
    state.returnValue += state.token.value;
    state.pendingSgrOutputIndex = void 0;
    state.pendingSgrActiveStyles = void 0;
    if (state.activeHyperlink) {
      state.activeHyperlinkHasVisibleText = true;
    }
  }
  state.position += state.token.visibleWidth;
}
function applyToken(state) {
  tokenHandlers[state.token.type]?.(state);
}
function createHasContinuationAheadMap(tokens) {
  const hasContinuationAhead = Array.from({ length: tokens.length }, () => false);
  let nextCharacterIsContinuation = false;
  for (let tokenIndex = tokens.length - 1; tokenIndex >= 0; tokenIndex--) {
    const token = tokens[tokenIndex];
    hasContinuationAhead[tokenIndex] = nextCharacterIsContinuation;
    if (token.type === "character") {
      nextCharacterIsContinuation = Boolean(token.isGraphemeContinuation);
    }
  }
  return hasContinuationAhead;
}
function isPastEndBoundary(token, position, end) {
  if (end === void 0) {
    return false;
  }
  if (position >= end) {
    return true;
  }
  return token.type === "character" && !token.isGraphemeContinuation && position + token.visibleWidth > end;
}
function sliceAnsi(string2, start, end) {
  const tokens = tokenizeAnsi(string2, { endCharacter: end });
  const hasContinuationAhead = createHasContinuationAheadMap(tokens);
  const state = {
    start,
    token: void 0,
    isPastEnd: false,
    activeStyles: /* @__PURE__ */ new Map(),
    activeHyperlink: void 0,
    activeHyperlinkHasVisibleText: false,
    activeHyperlinkOutputIndex: void 0,
    pendingSgrOutputIndex: void 0,
    pendingSgrActiveStyles: void 0,
    position: 0,
    returnValue: "",
    include: false
  };
  for (const [tokenIndex, token] of tokens.entries()) {
    let isPastEnd = isPastEndBoundary(token, state.position, end);
    if (isPastEnd && token.type !== "character" && hasContinuationAhead[tokenIndex]) {
      isPastEnd = false;
    }
    if (isPastEnd && token.type === "character" && !token.isGraphemeContinuation) {
      if (state.activeHyperlink && !state.activeHyperlinkHasVisibleText) {
        discardPendingHyperlink(state);
      }
      if (state.pendingSgrOutputIndex !== void 0) {
        state.returnValue = state.returnValue.slice(0, state.pendingSgrOutputIndex);
        state.activeStyles = state.pendingSgrActiveStyles;
        state.pendingSgrOutputIndex = void 0;
        state.pendingSgrActiveStyles = void 0;
      }
      break;
    }
    state.token = token;
    state.isPastEnd = isPastEnd;
    applyToken(state);
  }
  if (!state.include) {
    return "";
  }
  if (state.activeHyperlink) {
    settleActiveHyperlink(state);
  }
  state.returnValue += undoAnsiCodes(state.activeStyles);
  return state.returnValue;
}
var tokenHandlers;
var init_slice_ansi = __esm({
  "node_modules/slice-ansi/index.js"() {
    init_tokenize_ansi();
    tokenHandlers = {
      sgr: applySgrToken2,
      hyperlink: applyHyperlinkToken,
      control: applyControlToken,
      character: applyCharacterToken
    };
  }
});

// node_modules/log-update/index.js
var log_update_exports = {};
__export(log_update_exports, {
  createLogUpdate: () => createLogUpdate,
  default: () => log_update_default,
  logUpdateStderr: () => logUpdateStderr
});
import process7 from "node:process";
function createLogUpdate(stream, { showCursor = false, defaultWidth, defaultHeight } = {}) {
  let previousLineCount = 0;
  let previousWidth = getWidth2(stream, defaultWidth);
  let previousOutput = "";
  const useSynchronizedOutput = stream.isTTY === true;
  const write2 = (output) => {
    if (output === "") {
      return;
    }
    if (useSynchronizedOutput) {
      stream.write(SYNCHRONIZED_OUTPUT_ENABLE + output + SYNCHRONIZED_OUTPUT_DISABLE);
      return;
    }
    stream.write(output);
  };
  const computeFrame = (text2, width, clipToHeight = true) => {
    const textString = String(text2);
    const raw = textString.endsWith("\n") ? textString : `${textString}
`;
    const wrapped2 = wrapAnsi(raw, width, { trim: false, hard: true, wordWrap: false });
    const { text: frameText, wasClipped } = clipToHeight ? fitToTerminalHeight(stream, wrapped2, defaultHeight) : { text: wrapped2, wasClipped: false };
    const lines = frameText === "" ? [] : frameText.split("\n");
    return { wrapped: frameText, lines, wasClipped };
  };
  const reset = () => {
    previousOutput = "";
    previousWidth = getWidth2(stream, defaultWidth);
    previousLineCount = 0;
  };
  const render = (...arguments_) => {
    if (!showCursor) {
      cli_cursor_default.hide();
    }
    const width = getWidth2(stream, defaultWidth);
    const { wrapped: wrapped2, lines, wasClipped } = computeFrame(arguments_.join(" "), width);
    if (lines.length === 0) {
      if (previousLineCount > 0) {
        write2(base_exports.eraseLines(previousLineCount));
      }
      previousOutput = wrapped2;
      previousWidth = width;
      previousLineCount = 0;
      return;
    }
    if (wrapped2 === previousOutput && previousWidth === width) {
      return;
    }
    if (previousLineCount === 0) {
      write2(wrapped2);
      previousOutput = wrapped2;
      previousWidth = width;
      previousLineCount = lines.length;
      return;
    }
    if (previousWidth !== width || wasClipped) {
      write2(base_exports.eraseLines(previousLineCount) + wrapped2);
      previousOutput = wrapped2;
      previousWidth = width;
      previousLineCount = lines.length;
      return;
    }
    const previousLines = previousOutput === "" ? [] : previousOutput.split("\n");
    let { start, endPrevious, endNext } = diffFrames(previousLines, lines);
    if (previousLines.length !== lines.length) {
      endPrevious = previousLines.length - 1;
      endNext = lines.length - 1;
    }
    if (start === lines.length && previousLineCount === lines.length) {
      return;
    }
    if (start === 0) {
      write2(base_exports.eraseLines(previousLineCount) + wrapped2);
      previousOutput = wrapped2;
      previousWidth = width;
      previousLineCount = lines.length;
      return;
    }
    const patch = buildPatch({
      prevCount: previousLineCount,
      start,
      endPrevious,
      endNext,
      nextLines: lines,
      nextWrappedEndsWithNewline: wrapped2.endsWith("\n")
    });
    write2(patch);
    previousOutput = wrapped2;
    previousWidth = width;
    previousLineCount = lines.length;
  };
  render.clear = () => {
    write2(base_exports.eraseLines(previousLineCount));
    reset();
  };
  render.done = () => {
    reset();
    if (!showCursor) {
      cli_cursor_default.show();
    }
  };
  render.persist = (...arguments_) => {
    const erasePrevious = previousLineCount > 0 ? base_exports.eraseLines(previousLineCount) : "";
    const width = getWidth2(stream, defaultWidth);
    const { wrapped: wrappedText } = computeFrame(arguments_.join(" "), width, false);
    write2(erasePrevious + wrappedText);
    reset();
  };
  return render;
}
var getWidth2, SYNCHRONIZED_OUTPUT_ENABLE, SYNCHRONIZED_OUTPUT_DISABLE, countLines, getFrameHeight, fitToTerminalHeight, diffFrames, buildPatch, logUpdate, log_update_default, logUpdateStderr;
var init_log_update = __esm({
  "node_modules/log-update/index.js"() {
    init_ansi_escapes();
    init_cli_cursor();
    init_wrap_ansi();
    init_slice_ansi();
    init_strip_ansi();
    init_string_width();
    getWidth2 = (stream, defaultWidth) => stream.columns ?? defaultWidth ?? 80;
    SYNCHRONIZED_OUTPUT_ENABLE = "\x1B[?2026h";
    SYNCHRONIZED_OUTPUT_DISABLE = "\x1B[?2026l";
    countLines = (text2) => text2.split("\n").length;
    getFrameHeight = (text2) => {
      const unstyledText = stripAnsi(text2);
      return unstyledText === "" ? 0 : unstyledText.split("\n").length;
    };
    fitToTerminalHeight = (stream, wrappedText, defaultHeight) => {
      const terminalHeight = stream.rows ?? defaultHeight ?? 24;
      if (terminalHeight === 0) {
        return { text: "", wasClipped: wrappedText !== "" };
      }
      const unstyled = stripAnsi(wrappedText);
      const lines = unstyled.split("\n");
      const toRemove = Math.max(0, lines.length - terminalHeight);
      if (toRemove === 0) {
        return { text: wrappedText, wasClipped: false };
      }
      let cut = 0;
      for (let index = 0; index < toRemove; index++) {
        cut += stringWidth(lines[index]) + 1;
      }
      let clippedText = sliceAnsi(wrappedText, cut);
      let clippedLineCount = getFrameHeight(clippedText);
      while (clippedLineCount > terminalHeight) {
        cut++;
        clippedText = sliceAnsi(wrappedText, cut);
        clippedLineCount = getFrameHeight(clippedText);
      }
      while (cut > 0) {
        const previousClippedText = sliceAnsi(wrappedText, cut - 1);
        if (getFrameHeight(previousClippedText) > terminalHeight) {
          break;
        }
        cut--;
        clippedText = previousClippedText;
      }
      return { text: clippedText, wasClipped: cut > 0 };
    };
    diffFrames = (previousLines, nextLines) => {
      let start = 0;
      for (; start < previousLines.length && start < nextLines.length; start++) {
        if (previousLines[start] !== nextLines[start]) {
          break;
        }
      }
      let endPrevious = previousLines.length - 1;
      let endNext = nextLines.length - 1;
      while (endPrevious >= start && endNext >= start && previousLines[endPrevious] === nextLines[endNext]) {
        endPrevious--;
        endNext--;
      }
      return { start, endPrevious, endNext };
    };
    buildPatch = ({
      prevCount,
      start,
      endPrevious,
      endNext,
      nextLines,
      nextWrappedEndsWithNewline
    }) => {
      let sequence = "";
      const cursorLine = prevCount - 1;
      const cursorLineDelta = start - cursorLine;
      if (cursorLineDelta > 0) {
        sequence += base_exports.cursorDown(cursorLineDelta);
      }
      if (cursorLineDelta < 0) {
        sequence += base_exports.cursorUp(-cursorLineDelta);
      }
      sequence += base_exports.cursorLeft;
      const linesToClear = Math.max(0, endPrevious - start + 1);
      for (let index = 0; index < linesToClear; index++) {
        sequence += base_exports.eraseLine;
        if (index < linesToClear - 1) {
          sequence += base_exports.cursorDown();
        }
      }
      if (linesToClear > 1) {
        sequence += base_exports.cursorUp(linesToClear - 1);
      }
      sequence += base_exports.cursorLeft;
      const wroteSlice = nextLines.slice(start, endNext + 1);
      let writtenLineBreakCount = 0;
      if (wroteSlice.length > 0) {
        const chunk = wroteSlice.join("\n");
        const shouldWriteTrailingNewline = nextWrappedEndsWithNewline && endNext < nextLines.length - 1 && !chunk.endsWith("\n");
        sequence += chunk;
        writtenLineBreakCount = countLines(chunk) - 1;
        sequence += base_exports.eraseEndLine;
        if (shouldWriteTrailingNewline) {
          sequence += "\n";
          writtenLineBreakCount++;
        }
      }
      const currentLine = start + writtenLineBreakCount;
      const finalLine = nextLines.length - 1;
      const lineDelta = finalLine - currentLine;
      if (lineDelta > 0) {
        sequence += base_exports.cursorDown(lineDelta);
      }
      if (lineDelta < 0) {
        sequence += base_exports.cursorUp(-lineDelta);
      }
      return sequence;
    };
    logUpdate = createLogUpdate(process7.stdout);
    log_update_default = logUpdate;
    logUpdateStderr = createLogUpdate(process7.stderr);
  }
});

// node_modules/commander/lib/error.js
var CommanderError = class extends Error {
  /**
   * Constructs the CommanderError class
   * @param {number} exitCode suggested exit code which could be used with process.exit
   * @param {string} code an id string representing the error
   * @param {string} message human-readable description of the error
   */
  constructor(exitCode, code, message) {
    super(message);
    Error.captureStackTrace(this, this.constructor);
    this.name = this.constructor.name;
    this.code = code;
    this.exitCode = exitCode;
    this.nestedError = void 0;
  }
};
var InvalidArgumentError = class extends CommanderError {
  /**
   * Constructs the InvalidArgumentError class
   * @param {string} [message] explanation of why argument is invalid
   */
  constructor(message) {
    super(1, "commander.invalidArgument", message);
    Error.captureStackTrace(this, this.constructor);
    this.name = this.constructor.name;
  }
};

// node_modules/commander/lib/argument.js
var Argument = class {
  /**
   * Initialize a new command argument with the given name and description.
   * The default is that the argument is required, and you can explicitly
   * indicate this with <> around the name. Put [] around the name for an optional argument.
   *
   * @param {string} name
   * @param {string} [description]
   */
  constructor(name, description) {
    this.description = description || "";
    this.variadic = false;
    this.parseArg = void 0;
    this.defaultValue = void 0;
    this.defaultValueDescription = void 0;
    this.argChoices = void 0;
    switch (name[0]) {
      case "<":
        this.required = true;
        this._name = name.slice(1, -1);
        break;
      case "[":
        this.required = false;
        this._name = name.slice(1, -1);
        break;
      default:
        this.required = true;
        this._name = name;
        break;
    }
    if (this._name.endsWith("...")) {
      this.variadic = true;
      this._name = this._name.slice(0, -3);
    }
  }
  /**
   * Return argument name.
   *
   * @return {string}
   */
  name() {
    return this._name;
  }
  /**
   * @package
   */
  _collectValue(value, previous) {
    if (previous === this.defaultValue || !Array.isArray(previous)) {
      return [value];
    }
    previous.push(value);
    return previous;
  }
  /**
   * Set the default value, and optionally supply the description to be displayed in the help.
   *
   * @param {*} value
   * @param {string} [description]
   * @return {Argument}
   */
  default(value, description) {
    this.defaultValue = value;
    this.defaultValueDescription = description;
    return this;
  }
  /**
   * Set the custom handler for processing CLI command arguments into argument values.
   *
   * @param {Function} [fn]
   * @return {Argument}
   */
  argParser(fn) {
    this.parseArg = fn;
    return this;
  }
  /**
   * Only allow argument value to be one of choices.
   *
   * @param {string[]} values
   * @return {Argument}
   */
  choices(values) {
    this.argChoices = values.slice();
    this.parseArg = (arg, previous) => {
      if (!this.argChoices.includes(arg)) {
        throw new InvalidArgumentError(
          `Allowed choices are ${this.argChoices.join(", ")}.`
        );
      }
      if (this.variadic) {
        return this._collectValue(arg, previous);
      }
      return arg;
    };
    return this;
  }
  /**
   * Make argument required.
   *
   * @returns {Argument}
   */
  argRequired() {
    this.required = true;
    return this;
  }
  /**
   * Make argument optional.
   *
   * @returns {Argument}
   */
  argOptional() {
    this.required = false;
    return this;
  }
};
function humanReadableArgName(arg) {
  const nameOutput = arg.name() + (arg.variadic === true ? "..." : "");
  return arg.required ? "<" + nameOutput + ">" : "[" + nameOutput + "]";
}

// node_modules/commander/lib/command.js
import { EventEmitter } from "node:events";
import childProcess from "node:child_process";
import path from "node:path";
import fs from "node:fs";
import process2 from "node:process";
import { stripVTControlCharacters as stripVTControlCharacters2 } from "node:util";

// node_modules/commander/lib/help.js
import { stripVTControlCharacters } from "node:util";
var Help = class {
  constructor() {
    this.helpWidth = void 0;
    this.minWidthToWrap = 40;
    this.sortSubcommands = false;
    this.sortOptions = false;
    this.showGlobalOptions = false;
  }
  /**
   * prepareContext is called by Commander after applying overrides from `Command.configureHelp()`
   * and just before calling `formatHelp()`.
   *
   * Commander just uses the helpWidth and the rest is provided for optional use by more complex subclasses.
   *
   * @param {{ error?: boolean, helpWidth?: number, outputHasColors?: boolean }} contextOptions
   */
  prepareContext(contextOptions) {
    this.helpWidth = this.helpWidth ?? contextOptions.helpWidth ?? 80;
  }
  /**
   * Get an array of the visible subcommands. Includes a placeholder for the implicit help command, if there is one.
   *
   * @param {Command} cmd
   * @returns {Command[]}
   */
  visibleCommands(cmd) {
    const visibleCommands = cmd.commands.filter((cmd2) => !cmd2._hidden);
    const helpCommand = cmd._getHelpCommand();
    if (helpCommand && !helpCommand._hidden) {
      visibleCommands.push(helpCommand);
    }
    if (this.sortSubcommands) {
      visibleCommands.sort((a, b) => {
        return a.name().localeCompare(b.name());
      });
    }
    return visibleCommands;
  }
  /**
   * Compare options for sort.
   *
   * @param {Option} a
   * @param {Option} b
   * @returns {number}
   */
  compareOptions(a, b) {
    const getSortKey = (option) => {
      return option.short ? option.short.replace(/^-/, "") : option.long.replace(/^--/, "");
    };
    return getSortKey(a).localeCompare(getSortKey(b));
  }
  /**
   * Get an array of the visible options. Includes a placeholder for the implicit help option, if there is one.
   *
   * @param {Command} cmd
   * @returns {Option[]}
   */
  visibleOptions(cmd) {
    const visibleOptions = cmd.options.filter((option) => !option.hidden);
    const helpOption = cmd._getHelpOption();
    if (helpOption && !helpOption.hidden) {
      const removeShort = helpOption.short && cmd._findOption(helpOption.short);
      const removeLong = helpOption.long && cmd._findOption(helpOption.long);
      if (!removeShort && !removeLong) {
        visibleOptions.push(helpOption);
      } else if (helpOption.long && !removeLong) {
        visibleOptions.push(
          cmd.createOption(helpOption.long, helpOption.description).helpGroup(helpOption.helpGroupHeading)
        );
      } else if (helpOption.short && !removeShort) {
        visibleOptions.push(
          cmd.createOption(helpOption.short, helpOption.description).helpGroup(helpOption.helpGroupHeading)
        );
      }
    }
    if (this.sortOptions) {
      visibleOptions.sort(this.compareOptions);
    }
    return visibleOptions;
  }
  /**
   * Get an array of the visible global options. (Not including help.)
   *
   * @param {Command} cmd
   * @returns {Option[]}
   */
  visibleGlobalOptions(cmd) {
    if (!this.showGlobalOptions) return [];
    const globalOptions = [];
    for (let ancestorCmd = cmd.parent; ancestorCmd; ancestorCmd = ancestorCmd.parent) {
      const visibleOptions = ancestorCmd.options.filter(
        (option) => !option.hidden
      );
      globalOptions.push(...visibleOptions);
    }
    if (this.sortOptions) {
      globalOptions.sort(this.compareOptions);
    }
    return globalOptions;
  }
  /**
   * Get an array of the arguments if any have a description.
   *
   * @param {Command} cmd
   * @returns {Argument[]}
   */
  visibleArguments(cmd) {
    if (cmd._argsDescription) {
      cmd.registeredArguments.forEach((argument) => {
        argument.description = argument.description || cmd._argsDescription[argument.name()] || "";
      });
    }
    if (cmd.registeredArguments.find((argument) => argument.description)) {
      return cmd.registeredArguments;
    }
    return [];
  }
  /**
   * Get the command term to show in the list of subcommands.
   *
   * @param {Command} cmd
   * @returns {string}
   */
  subcommandTerm(cmd) {
    const args = cmd.registeredArguments.map((arg) => humanReadableArgName(arg)).join(" ");
    return cmd._name + (cmd._aliases[0] ? "|" + cmd._aliases[0] : "") + (cmd.options.length ? " [options]" : "") + // simplistic check for non-help option
    (args ? " " + args : "");
  }
  /**
   * Get the option term to show in the list of options.
   *
   * @param {Option} option
   * @returns {string}
   */
  optionTerm(option) {
    return option.flags;
  }
  /**
   * Get the argument term to show in the list of arguments.
   *
   * @param {Argument} argument
   * @returns {string}
   */
  argumentTerm(argument) {
    return argument.name();
  }
  /**
   * Get the longest command term length.
   *
   * @param {Command} cmd
   * @param {Help} helper
   * @returns {number}
   */
  longestSubcommandTermLength(cmd, helper) {
    return helper.visibleCommands(cmd).reduce((max, command) => {
      return Math.max(
        max,
        this.displayWidth(
          helper.styleSubcommandTerm(helper.subcommandTerm(command))
        )
      );
    }, 0);
  }
  /**
   * Get the longest option term length.
   *
   * @param {Command} cmd
   * @param {Help} helper
   * @returns {number}
   */
  longestOptionTermLength(cmd, helper) {
    return helper.visibleOptions(cmd).reduce((max, option) => {
      return Math.max(
        max,
        this.displayWidth(helper.styleOptionTerm(helper.optionTerm(option)))
      );
    }, 0);
  }
  /**
   * Get the longest global option term length.
   *
   * @param {Command} cmd
   * @param {Help} helper
   * @returns {number}
   */
  longestGlobalOptionTermLength(cmd, helper) {
    return helper.visibleGlobalOptions(cmd).reduce((max, option) => {
      return Math.max(
        max,
        this.displayWidth(helper.styleOptionTerm(helper.optionTerm(option)))
      );
    }, 0);
  }
  /**
   * Get the longest argument term length.
   *
   * @param {Command} cmd
   * @param {Help} helper
   * @returns {number}
   */
  longestArgumentTermLength(cmd, helper) {
    return helper.visibleArguments(cmd).reduce((max, argument) => {
      return Math.max(
        max,
        this.displayWidth(
          helper.styleArgumentTerm(helper.argumentTerm(argument))
        )
      );
    }, 0);
  }
  /**
   * Get the command usage to be displayed at the top of the built-in help.
   *
   * @param {Command} cmd
   * @returns {string}
   */
  commandUsage(cmd) {
    let cmdName = cmd._name;
    if (cmd._aliases[0]) {
      cmdName = cmdName + "|" + cmd._aliases[0];
    }
    let ancestorCmdNames = "";
    for (let ancestorCmd = cmd.parent; ancestorCmd; ancestorCmd = ancestorCmd.parent) {
      ancestorCmdNames = ancestorCmd.name() + " " + ancestorCmdNames;
    }
    return ancestorCmdNames + cmdName + " " + cmd.usage();
  }
  /**
   * Get the description for the command.
   *
   * @param {Command} cmd
   * @returns {string}
   */
  commandDescription(cmd) {
    return cmd.description();
  }
  /**
   * Get the subcommand summary to show in the list of subcommands.
   * (Fallback to description for backwards compatibility.)
   *
   * @param {Command} cmd
   * @returns {string}
   */
  subcommandDescription(cmd) {
    return cmd.summary() || cmd.description();
  }
  /**
   * Get the option description to show in the list of options.
   *
   * @param {Option} option
   * @return {string}
   */
  optionDescription(option) {
    const extraInfo = [];
    if (option.argChoices) {
      extraInfo.push(
        // use stringify to match the display of the default value
        `choices: ${option.argChoices.map((choice) => JSON.stringify(choice)).join(", ")}`
      );
    }
    if (option.defaultValue !== void 0) {
      const showDefault = option.required || option.optional || option.isBoolean() && typeof option.defaultValue === "boolean";
      if (showDefault) {
        extraInfo.push(
          `default: ${option.defaultValueDescription || JSON.stringify(option.defaultValue)}`
        );
      }
    }
    if (option.presetArg !== void 0 && option.optional) {
      extraInfo.push(`preset: ${JSON.stringify(option.presetArg)}`);
    }
    if (option.envVar !== void 0) {
      extraInfo.push(`env: ${option.envVar}`);
    }
    if (extraInfo.length > 0) {
      const extraDescription = `(${extraInfo.join(", ")})`;
      if (option.description) {
        return `${option.description} ${extraDescription}`;
      }
      return extraDescription;
    }
    return option.description;
  }
  /**
   * Get the argument description to show in the list of arguments.
   *
   * @param {Argument} argument
   * @return {string}
   */
  argumentDescription(argument) {
    const extraInfo = [];
    if (argument.argChoices) {
      extraInfo.push(
        // use stringify to match the display of the default value
        `choices: ${argument.argChoices.map((choice) => JSON.stringify(choice)).join(", ")}`
      );
    }
    if (argument.defaultValue !== void 0) {
      extraInfo.push(
        `default: ${argument.defaultValueDescription || JSON.stringify(argument.defaultValue)}`
      );
    }
    if (extraInfo.length > 0) {
      const extraDescription = `(${extraInfo.join(", ")})`;
      if (argument.description) {
        return `${argument.description} ${extraDescription}`;
      }
      return extraDescription;
    }
    return argument.description;
  }
  /**
   * Format a list of items, given a heading and an array of formatted items.
   *
   * @param {string} heading
   * @param {string[]} items
   * @param {Help} helper
   * @returns string[]
   */
  formatItemList(heading, items, helper) {
    if (items.length === 0) return [];
    return [helper.styleTitle(heading), ...items, ""];
  }
  /**
   * Group items by their help group heading.
   *
   * @param {Command[] | Option[]} unsortedItems
   * @param {Command[] | Option[]} visibleItems
   * @param {Function} getGroup
   * @returns {Map<string, Command[] | Option[]>}
   */
  groupItems(unsortedItems, visibleItems, getGroup) {
    const result = /* @__PURE__ */ new Map();
    unsortedItems.forEach((item) => {
      const group = getGroup(item);
      if (!result.has(group)) result.set(group, []);
    });
    visibleItems.forEach((item) => {
      const group = getGroup(item);
      if (!result.has(group)) {
        result.set(group, []);
      }
      result.get(group).push(item);
    });
    return result;
  }
  /**
   * Generate the built-in help text.
   *
   * @param {Command} cmd
   * @param {Help} helper
   * @returns {string}
   */
  formatHelp(cmd, helper) {
    const termWidth = helper.padWidth(cmd, helper);
    const helpWidth = helper.helpWidth ?? 80;
    function callFormatItem(term, description) {
      return helper.formatItem(term, termWidth, description, helper);
    }
    let output = [
      `${helper.styleTitle("Usage:")} ${helper.styleUsage(helper.commandUsage(cmd))}`,
      ""
    ];
    const commandDescription = helper.commandDescription(cmd);
    if (commandDescription.length > 0) {
      output = output.concat([
        helper.boxWrap(
          helper.styleCommandDescription(commandDescription),
          helpWidth
        ),
        ""
      ]);
    }
    const argumentList = helper.visibleArguments(cmd).map((argument) => {
      return callFormatItem(
        helper.styleArgumentTerm(helper.argumentTerm(argument)),
        helper.styleArgumentDescription(helper.argumentDescription(argument))
      );
    });
    output = output.concat(
      this.formatItemList("Arguments:", argumentList, helper)
    );
    const optionGroups = this.groupItems(
      cmd.options,
      helper.visibleOptions(cmd),
      (option) => option.helpGroupHeading ?? "Options:"
    );
    optionGroups.forEach((options, group) => {
      const optionList = options.map((option) => {
        return callFormatItem(
          helper.styleOptionTerm(helper.optionTerm(option)),
          helper.styleOptionDescription(helper.optionDescription(option))
        );
      });
      output = output.concat(this.formatItemList(group, optionList, helper));
    });
    if (helper.showGlobalOptions) {
      const globalOptionList = helper.visibleGlobalOptions(cmd).map((option) => {
        return callFormatItem(
          helper.styleOptionTerm(helper.optionTerm(option)),
          helper.styleOptionDescription(helper.optionDescription(option))
        );
      });
      output = output.concat(
        this.formatItemList("Global Options:", globalOptionList, helper)
      );
    }
    const commandGroups = this.groupItems(
      cmd.commands,
      helper.visibleCommands(cmd),
      (sub) => sub.helpGroup() || "Commands:"
    );
    commandGroups.forEach((commands, group) => {
      const commandList = commands.map((sub) => {
        return callFormatItem(
          helper.styleSubcommandTerm(helper.subcommandTerm(sub)),
          helper.styleSubcommandDescription(helper.subcommandDescription(sub))
        );
      });
      output = output.concat(this.formatItemList(group, commandList, helper));
    });
    return output.join("\n");
  }
  /**
   * Return display width of string, ignoring ANSI escape sequences. Used in padding and wrapping calculations.
   *
   * @param {string} str
   * @returns {number}
   */
  displayWidth(str) {
    return stripVTControlCharacters(str).length;
  }
  /**
   * Style the title for displaying in the help. Called with 'Usage:', 'Options:', etc.
   *
   * @param {string} str
   * @returns {string}
   */
  styleTitle(str) {
    return str;
  }
  styleUsage(str) {
    return str.split(" ").map((word) => {
      if (word === "[options]") return this.styleOptionText(word);
      if (word === "[command]") return this.styleSubcommandText(word);
      if (word[0] === "[" || word[0] === "<")
        return this.styleArgumentText(word);
      return this.styleCommandText(word);
    }).join(" ");
  }
  styleCommandDescription(str) {
    return this.styleDescriptionText(str);
  }
  styleOptionDescription(str) {
    return this.styleDescriptionText(str);
  }
  styleSubcommandDescription(str) {
    return this.styleDescriptionText(str);
  }
  styleArgumentDescription(str) {
    return this.styleDescriptionText(str);
  }
  styleDescriptionText(str) {
    return str;
  }
  styleOptionTerm(str) {
    return this.styleOptionText(str);
  }
  styleSubcommandTerm(str) {
    return str.split(" ").map((word) => {
      if (word === "[options]") return this.styleOptionText(word);
      if (word[0] === "[" || word[0] === "<")
        return this.styleArgumentText(word);
      return this.styleSubcommandText(word);
    }).join(" ");
  }
  styleArgumentTerm(str) {
    return this.styleArgumentText(str);
  }
  styleOptionText(str) {
    return str;
  }
  styleArgumentText(str) {
    return str;
  }
  styleSubcommandText(str) {
    return str;
  }
  styleCommandText(str) {
    return str;
  }
  /**
   * Calculate the pad width from the maximum term length.
   *
   * @param {Command} cmd
   * @param {Help} helper
   * @returns {number}
   */
  padWidth(cmd, helper) {
    return Math.max(
      helper.longestOptionTermLength(cmd, helper),
      helper.longestGlobalOptionTermLength(cmd, helper),
      helper.longestSubcommandTermLength(cmd, helper),
      helper.longestArgumentTermLength(cmd, helper)
    );
  }
  /**
   * Detect manually wrapped and indented strings by checking for line break followed by whitespace.
   *
   * @param {string} str
   * @returns {boolean}
   */
  preformatted(str) {
    return /\n[^\S\r\n]/.test(str);
  }
  /**
   * Format the "item", which consists of a term and description. Pad the term and wrap the description, indenting the following lines.
   *
   * So "TTT", 5, "DDD DDDD DD DDD" might be formatted for this.helpWidth=17 like so:
   *   TTT  DDD DDDD
   *        DD DDD
   *
   * @param {string} term
   * @param {number} termWidth
   * @param {string} description
   * @param {Help} helper
   * @returns {string}
   */
  formatItem(term, termWidth, description, helper) {
    const itemIndent = 2;
    const itemIndentStr = " ".repeat(itemIndent);
    if (!description) return itemIndentStr + term;
    const paddedTerm = term.padEnd(
      termWidth + term.length - helper.displayWidth(term)
    );
    const spacerWidth = 2;
    const helpWidth = this.helpWidth ?? 80;
    const remainingWidth = helpWidth - termWidth - spacerWidth - itemIndent;
    let formattedDescription;
    if (remainingWidth < this.minWidthToWrap || helper.preformatted(description)) {
      formattedDescription = description;
    } else {
      const wrappedDescription = helper.boxWrap(description, remainingWidth);
      formattedDescription = wrappedDescription.replace(
        /\n/g,
        "\n" + " ".repeat(termWidth + spacerWidth)
      );
    }
    return itemIndentStr + paddedTerm + " ".repeat(spacerWidth) + formattedDescription.replace(/\n/g, `
${itemIndentStr}`);
  }
  /**
   * Wrap a string at whitespace, preserving existing line breaks.
   * Wrapping is skipped if the width is less than `minWidthToWrap`.
   *
   * @param {string} str
   * @param {number} width
   * @returns {string}
   */
  boxWrap(str, width) {
    if (width < this.minWidthToWrap) return str;
    const rawLines = str.split(/\r\n|\n/);
    const chunkPattern = /[\s]*[^\s]+/g;
    const wrappedLines = [];
    rawLines.forEach((line) => {
      const chunks = line.match(chunkPattern);
      if (chunks === null) {
        wrappedLines.push("");
        return;
      }
      let sumChunks = [chunks.shift()];
      let sumWidth = this.displayWidth(sumChunks[0]);
      chunks.forEach((chunk) => {
        const visibleWidth = this.displayWidth(chunk);
        if (sumWidth + visibleWidth <= width) {
          sumChunks.push(chunk);
          sumWidth += visibleWidth;
          return;
        }
        wrappedLines.push(sumChunks.join(""));
        const nextChunk = chunk.trimStart();
        sumChunks = [nextChunk];
        sumWidth = this.displayWidth(nextChunk);
      });
      wrappedLines.push(sumChunks.join(""));
    });
    return wrappedLines.join("\n");
  }
};

// node_modules/commander/lib/option.js
var Option = class {
  /**
   * Initialize a new `Option` with the given `flags` and `description`.
   *
   * @param {string} flags
   * @param {string} [description]
   */
  constructor(flags, description) {
    this.flags = flags;
    this.description = description || "";
    this.required = flags.includes("<");
    this.optional = flags.includes("[");
    this.variadic = new RegExp("\\p{ID_Continue}\\.\\.\\.[>\\]]$", "u").test(flags);
    this.mandatory = false;
    const optionFlags = splitOptionFlags(flags);
    this.short = optionFlags.shortFlag;
    this.long = optionFlags.longFlag;
    this.negate = false;
    if (this.long) {
      this.negate = this.long.startsWith("--no-");
    }
    this.defaultValue = void 0;
    this.defaultValueDescription = void 0;
    this.presetArg = void 0;
    this.envVar = void 0;
    this.parseArg = void 0;
    this.hidden = false;
    this.argChoices = void 0;
    this.conflictsWith = [];
    this.implied = void 0;
    this.helpGroupHeading = void 0;
  }
  /**
   * Set the default value, and optionally supply the description to be displayed in the help.
   *
   * @param {*} value
   * @param {string} [description]
   * @return {Option}
   */
  default(value, description) {
    this.defaultValue = value;
    this.defaultValueDescription = description;
    return this;
  }
  /**
   * Preset to use when option used without option-argument, especially optional but also boolean and negated.
   * The custom processing (parseArg) is called.
   *
   * @example
   * new Option('--color').default('GREYSCALE').preset('RGB');
   * new Option('--donate [amount]').preset('20').argParser(parseFloat);
   *
   * @param {*} arg
   * @return {Option}
   */
  preset(arg) {
    this.presetArg = arg;
    return this;
  }
  /**
   * Add option name(s) that conflict with this option.
   * An error will be displayed if conflicting options are found during parsing.
   *
   * @example
   * new Option('--rgb').conflicts('cmyk');
   * new Option('--js').conflicts(['ts', 'jsx']);
   *
   * @param {(string | string[])} names
   * @return {Option}
   */
  conflicts(names) {
    this.conflictsWith = this.conflictsWith.concat(names);
    return this;
  }
  /**
   * Specify implied option values for when this option is set and the implied options are not.
   *
   * The custom processing (parseArg) is not called on the implied values.
   *
   * @example
   * program
   *   .addOption(new Option('--log', 'write logging information to file'))
   *   .addOption(new Option('--trace', 'log extra details').implies({ log: 'trace.txt' }));
   *
   * @param {object} impliedOptionValues
   * @return {Option}
   */
  implies(impliedOptionValues) {
    let newImplied = impliedOptionValues;
    if (typeof impliedOptionValues === "string") {
      newImplied = { [impliedOptionValues]: true };
    }
    this.implied = Object.assign(this.implied || {}, newImplied);
    return this;
  }
  /**
   * Set environment variable to check for option value.
   *
   * An environment variable is only used if when processed the current option value is
   * undefined, or the source of the current value is 'default' or 'config' or 'env'.
   *
   * @param {string} name
   * @return {Option}
   */
  env(name) {
    this.envVar = name;
    return this;
  }
  /**
   * Set the custom handler for processing CLI option arguments into option values.
   *
   * @param {Function} [fn]
   * @return {Option}
   */
  argParser(fn) {
    this.parseArg = fn;
    return this;
  }
  /**
   * Whether the option is mandatory and must have a value after parsing.
   *
   * @param {boolean} [mandatory=true]
   * @return {Option}
   */
  makeOptionMandatory(mandatory = true) {
    this.mandatory = !!mandatory;
    return this;
  }
  /**
   * Hide option in help.
   *
   * @param {boolean} [hide=true]
   * @return {Option}
   */
  hideHelp(hide = true) {
    this.hidden = !!hide;
    return this;
  }
  /**
   * @package
   */
  _collectValue(value, previous) {
    if (previous === this.defaultValue || !Array.isArray(previous)) {
      return [value];
    }
    previous.push(value);
    return previous;
  }
  /**
   * Only allow option value to be one of choices.
   *
   * @param {string[]} values
   * @return {Option}
   */
  choices(values) {
    this.argChoices = values.slice();
    this.parseArg = (arg, previous) => {
      if (!this.argChoices.includes(arg)) {
        throw new InvalidArgumentError(
          `Allowed choices are ${this.argChoices.join(", ")}.`
        );
      }
      if (this.variadic) {
        return this._collectValue(arg, previous);
      }
      return arg;
    };
    return this;
  }
  /**
   * Return option name.
   *
   * @return {string}
   */
  name() {
    if (this.long) {
      return this.long.replace(/^--/, "");
    }
    return this.short.replace(/^-/, "");
  }
  /**
   * Return option name, in a camelcase format that can be used
   * as an object attribute key.
   *
   * @return {string}
   */
  attributeName() {
    if (this.negate) {
      return camelcase(this.name().replace(/^no-/, ""));
    }
    return camelcase(this.name());
  }
  /**
   * Set the help group heading.
   *
   * @param {string} heading
   * @return {Option}
   */
  helpGroup(heading) {
    this.helpGroupHeading = heading;
    return this;
  }
  /**
   * Check if `arg` matches the short or long flag.
   *
   * @param {string} arg
   * @return {boolean}
   * @package
   */
  is(arg) {
    return this.short === arg || this.long === arg;
  }
  /**
   * Return whether a boolean option.
   *
   * Options are one of boolean, negated, required argument, or optional argument.
   *
   * @return {boolean}
   * @package
   */
  isBoolean() {
    return !this.required && !this.optional && !this.negate;
  }
};
var DualOptions = class {
  /**
   * @param {Option[]} options
   */
  constructor(options) {
    this.positiveOptions = /* @__PURE__ */ new Map();
    this.negativeOptions = /* @__PURE__ */ new Map();
    this.dualOptions = /* @__PURE__ */ new Set();
    options.forEach((option) => {
      if (option.negate) {
        this.negativeOptions.set(option.attributeName(), option);
      } else {
        this.positiveOptions.set(option.attributeName(), option);
      }
    });
    this.negativeOptions.forEach((value, key) => {
      if (this.positiveOptions.has(key)) {
        this.dualOptions.add(key);
      }
    });
  }
  /**
   * Did the value come from the option, and not from possible matching dual option?
   *
   * @param {*} value
   * @param {Option} option
   * @returns {boolean}
   */
  valueFromOption(value, option) {
    const optionKey = option.attributeName();
    if (!this.dualOptions.has(optionKey)) return true;
    const preset = this.negativeOptions.get(optionKey).presetArg;
    const negativeValue = preset !== void 0 ? preset : false;
    return option.negate === (negativeValue === value);
  }
};
function camelcase(str) {
  return str.split("-").reduce((str2, word) => {
    return str2 + word[0].toUpperCase() + word.slice(1);
  });
}
function splitOptionFlags(flags) {
  let shortFlag;
  let longFlag;
  const shortFlagExp = /^-[^-]$/;
  const longFlagExp = /^--[^-]/;
  const flagParts = flags.split(/[ |,]+/).concat("guard");
  if (shortFlagExp.test(flagParts[0])) shortFlag = flagParts.shift();
  if (longFlagExp.test(flagParts[0])) longFlag = flagParts.shift();
  if (!shortFlag && shortFlagExp.test(flagParts[0]))
    shortFlag = flagParts.shift();
  if (!shortFlag && longFlagExp.test(flagParts[0])) {
    shortFlag = longFlag;
    longFlag = flagParts.shift();
  }
  if (flagParts[0].startsWith("-")) {
    const unsupportedFlag = flagParts[0];
    const baseError = `option creation failed due to '${unsupportedFlag}' in option flags '${flags}'`;
    if (/^-[^-][^-]/.test(unsupportedFlag))
      throw new Error(
        `${baseError}
- a short flag is a single dash and a single character
  - either use a single dash and a single character (for a short flag)
  - or use a double dash for a long option (and can have two, like '--ws, --workspace')`
      );
    if (shortFlagExp.test(unsupportedFlag))
      throw new Error(`${baseError}
- too many short flags`);
    if (longFlagExp.test(unsupportedFlag))
      throw new Error(`${baseError}
- too many long flags`);
    throw new Error(`${baseError}
- unrecognised flag format`);
  }
  if (shortFlag === void 0 && longFlag === void 0)
    throw new Error(
      `option creation failed due to no flags found in '${flags}'.`
    );
  return { shortFlag, longFlag };
}

// node_modules/commander/lib/suggestSimilar.js
var maxDistance = 3;
function editDistance(a, b) {
  if (Math.abs(a.length - b.length) > maxDistance)
    return Math.max(a.length, b.length);
  const d = [];
  for (let i = 0; i <= a.length; i++) {
    d[i] = [i];
  }
  for (let j = 0; j <= b.length; j++) {
    d[0][j] = j;
  }
  for (let j = 1; j <= b.length; j++) {
    for (let i = 1; i <= a.length; i++) {
      let cost;
      if (a[i - 1] === b[j - 1]) {
        cost = 0;
      } else {
        cost = 1;
      }
      d[i][j] = Math.min(
        d[i - 1][j] + 1,
        // deletion
        d[i][j - 1] + 1,
        // insertion
        d[i - 1][j - 1] + cost
        // substitution
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.length][b.length];
}
function suggestSimilar(word, candidates) {
  if (!candidates || candidates.length === 0) return "";
  candidates = Array.from(new Set(candidates));
  const searchingOptions = word.startsWith("--");
  if (searchingOptions) {
    word = word.slice(2);
    candidates = candidates.map((candidate) => candidate.slice(2));
  }
  let similar = [];
  let bestDistance = maxDistance;
  const minSimilarity = 0.4;
  candidates.forEach((candidate) => {
    if (candidate.length <= 1) return;
    const distance = editDistance(word, candidate);
    const length = Math.max(word.length, candidate.length);
    const similarity = (length - distance) / length;
    if (similarity > minSimilarity) {
      if (distance < bestDistance) {
        bestDistance = distance;
        similar = [candidate];
      } else if (distance === bestDistance) {
        similar.push(candidate);
      }
    }
  });
  similar.sort((a, b) => a.localeCompare(b));
  if (searchingOptions) {
    similar = similar.map((candidate) => `--${candidate}`);
  }
  if (similar.length > 1) {
    return `
(Did you mean one of ${similar.join(", ")}?)`;
  }
  if (similar.length === 1) {
    return `
(Did you mean ${similar[0]}?)`;
  }
  return "";
}

// node_modules/commander/lib/command.js
var Command = class _Command extends EventEmitter {
  /**
   * Initialize a new `Command`.
   *
   * @param {string} [name]
   */
  constructor(name) {
    super();
    this.commands = [];
    this.options = [];
    this.parent = null;
    this._allowUnknownOption = false;
    this._allowExcessArguments = false;
    this.registeredArguments = [];
    this._args = this.registeredArguments;
    this.args = [];
    this.rawArgs = [];
    this.processedArgs = [];
    this._scriptPath = null;
    this._name = name || "";
    this._optionValues = {};
    this._optionValueSources = {};
    this._storeOptionsAsProperties = false;
    this._actionHandler = null;
    this._executableHandler = false;
    this._executableFile = null;
    this._executableDir = null;
    this._defaultCommandName = null;
    this._exitCallback = null;
    this._aliases = [];
    this._combineFlagAndOptionalValue = true;
    this._description = "";
    this._summary = "";
    this._argsDescription = void 0;
    this._enablePositionalOptions = false;
    this._passThroughOptions = false;
    this._lifeCycleHooks = {};
    this._showHelpAfterError = false;
    this._showSuggestionAfterError = true;
    this._savedState = null;
    this._outputConfiguration = {
      writeOut: (str) => process2.stdout.write(str),
      writeErr: (str) => process2.stderr.write(str),
      outputError: (str, write2) => write2(str),
      getOutHelpWidth: () => process2.stdout.isTTY ? process2.stdout.columns : void 0,
      getErrHelpWidth: () => process2.stderr.isTTY ? process2.stderr.columns : void 0,
      getOutHasColors: () => useColor() ?? (process2.stdout.isTTY && process2.stdout.hasColors?.()),
      getErrHasColors: () => useColor() ?? (process2.stderr.isTTY && process2.stderr.hasColors?.()),
      stripColor: (str) => stripVTControlCharacters2(str)
    };
    this._hidden = false;
    this._helpOption = void 0;
    this._addImplicitHelpCommand = void 0;
    this._helpCommand = void 0;
    this._helpConfiguration = {};
    this._helpGroupHeading = void 0;
    this._defaultCommandGroup = void 0;
    this._defaultOptionGroup = void 0;
  }
  /**
   * Copy settings that are useful to have in common across root command and subcommands.
   *
   * (Used internally when adding a command using `.command()` so subcommands inherit parent settings.)
   *
   * @param {Command} sourceCommand
   * @return {Command} `this` command for chaining
   */
  copyInheritedSettings(sourceCommand) {
    this._outputConfiguration = sourceCommand._outputConfiguration;
    this._helpOption = sourceCommand._helpOption;
    this._helpCommand = sourceCommand._helpCommand;
    this._helpConfiguration = sourceCommand._helpConfiguration;
    this._exitCallback = sourceCommand._exitCallback;
    this._storeOptionsAsProperties = sourceCommand._storeOptionsAsProperties;
    this._combineFlagAndOptionalValue = sourceCommand._combineFlagAndOptionalValue;
    this._allowExcessArguments = sourceCommand._allowExcessArguments;
    this._enablePositionalOptions = sourceCommand._enablePositionalOptions;
    this._showHelpAfterError = sourceCommand._showHelpAfterError;
    this._showSuggestionAfterError = sourceCommand._showSuggestionAfterError;
    return this;
  }
  /**
   * @returns {Command[]}
   * @private
   */
  _getCommandAndAncestors() {
    const result = [];
    for (let command = this; command; command = command.parent) {
      result.push(command);
    }
    return result;
  }
  /**
   * Define a command.
   *
   * There are two styles of command: pay attention to where to put the description.
   *
   * @example
   * // Command implemented using action handler (description is supplied separately to `.command`)
   * program
   *   .command('clone <source> [destination]')
   *   .description('clone a repository into a newly created directory')
   *   .action((source, destination) => {
   *     console.log('clone command called');
   *   });
   *
   * // Command implemented using separate executable file (description is second parameter to `.command`)
   * program
   *   .command('start <service>', 'start named service')
   *   .command('stop [service]', 'stop named service, or all if no name supplied');
   *
   * @param {string} nameAndArgs - command name and arguments, args are `<required>` or `[optional]` and last may also be `variadic...`
   * @param {(object | string)} [actionOptsOrExecDesc] - configuration options (for action), or description (for executable)
   * @param {object} [execOpts] - configuration options (for executable)
   * @return {Command} returns new command for action handler, or `this` for executable command
   */
  command(nameAndArgs, actionOptsOrExecDesc, execOpts) {
    let desc = actionOptsOrExecDesc;
    let opts = execOpts;
    if (typeof desc === "object" && desc !== null) {
      opts = desc;
      desc = null;
    }
    opts = opts || {};
    const [, name, args] = nameAndArgs.match(/([^ ]+) *(.*)/);
    const cmd = this.createCommand(name);
    if (desc) {
      cmd.description(desc);
      cmd._executableHandler = true;
    }
    if (opts.isDefault) this._defaultCommandName = cmd._name;
    cmd._hidden = !!(opts.noHelp || opts.hidden);
    cmd._executableFile = opts.executableFile || null;
    if (args) cmd.arguments(args);
    this._registerCommand(cmd);
    cmd.parent = this;
    cmd.copyInheritedSettings(this);
    if (desc) return this;
    return cmd;
  }
  /**
   * Factory routine to create a new unattached command.
   *
   * See .command() for creating an attached subcommand, which uses this routine to
   * create the command. You can override createCommand to customise subcommands.
   *
   * @param {string} [name]
   * @return {Command} new command
   */
  createCommand(name) {
    return new _Command(name);
  }
  /**
   * You can customise the help with a subclass of Help by overriding createHelp,
   * or by overriding Help properties using configureHelp().
   *
   * @return {Help}
   */
  createHelp() {
    return Object.assign(new Help(), this.configureHelp());
  }
  /**
   * You can customise the help by overriding Help properties using configureHelp(),
   * or with a subclass of Help by overriding createHelp().
   *
   * @param {object} [configuration] - configuration options
   * @return {(Command | object)} `this` command for chaining, or stored configuration
   */
  configureHelp(configuration) {
    if (configuration === void 0) return this._helpConfiguration;
    this._helpConfiguration = configuration;
    return this;
  }
  /**
   * The default output goes to stdout and stderr. You can customise this for special
   * applications. You can also customise the display of errors by overriding outputError.
   *
   * The configuration properties are all functions:
   *
   *     // change how output being written, defaults to stdout and stderr
   *     writeOut(str)
   *     writeErr(str)
   *     // change how output being written for errors, defaults to writeErr
   *     outputError(str, write) // used for displaying errors and not used for displaying help
   *     // specify width for wrapping help
   *     getOutHelpWidth()
   *     getErrHelpWidth()
   *     // color support, currently only used with Help
   *     getOutHasColors()
   *     getErrHasColors()
   *     stripColor() // used to remove ANSI escape codes if output does not have colors
   *
   * @param {object} [configuration] - configuration options
   * @return {(Command | object)} `this` command for chaining, or stored configuration
   */
  configureOutput(configuration) {
    if (configuration === void 0) return this._outputConfiguration;
    this._outputConfiguration = {
      ...this._outputConfiguration,
      ...configuration
    };
    return this;
  }
  /**
   * Display the help or a custom message after an error occurs.
   *
   * @param {(boolean|string)} [displayHelp]
   * @return {Command} `this` command for chaining
   */
  showHelpAfterError(displayHelp = true) {
    if (typeof displayHelp !== "string") displayHelp = !!displayHelp;
    this._showHelpAfterError = displayHelp;
    return this;
  }
  /**
   * Display suggestion of similar commands for unknown commands, or options for unknown options.
   *
   * @param {boolean} [displaySuggestion]
   * @return {Command} `this` command for chaining
   */
  showSuggestionAfterError(displaySuggestion = true) {
    this._showSuggestionAfterError = !!displaySuggestion;
    return this;
  }
  /**
   * Add a prepared subcommand.
   *
   * See .command() for creating an attached subcommand which inherits settings from its parent.
   *
   * @param {Command} cmd - new subcommand
   * @param {object} [opts] - configuration options
   * @return {Command} `this` command for chaining
   */
  addCommand(cmd, opts) {
    if (!cmd._name) {
      throw new Error(`Command passed to .addCommand() must have a name
- specify the name in Command constructor or using .name()`);
    }
    opts = opts || {};
    if (opts.isDefault) this._defaultCommandName = cmd._name;
    if (opts.noHelp || opts.hidden) cmd._hidden = true;
    this._registerCommand(cmd);
    cmd.parent = this;
    cmd._checkForBrokenPassThrough();
    return this;
  }
  /**
   * Factory routine to create a new unattached argument.
   *
   * See .argument() for creating an attached argument, which uses this routine to
   * create the argument. You can override createArgument to return a custom argument.
   *
   * @param {string} name
   * @param {string} [description]
   * @return {Argument} new argument
   */
  createArgument(name, description) {
    return new Argument(name, description);
  }
  /**
   * Define argument syntax for command.
   *
   * The default is that the argument is required, and you can explicitly
   * indicate this with <> around the name. Put [] around the name for an optional argument.
   *
   * @example
   * program.argument('<input-file>');
   * program.argument('[output-file]');
   *
   * @param {string} name
   * @param {string} [description]
   * @param {(Function|*)} [parseArg] - custom argument processing function or default value
   * @param {*} [defaultValue]
   * @return {Command} `this` command for chaining
   */
  argument(name, description, parseArg, defaultValue) {
    const argument = this.createArgument(name, description);
    if (typeof parseArg === "function") {
      argument.default(defaultValue).argParser(parseArg);
    } else {
      argument.default(parseArg);
    }
    this.addArgument(argument);
    return this;
  }
  /**
   * Define argument syntax for command, adding multiple at once (without descriptions).
   *
   * See also .argument().
   *
   * @example
   * program.arguments('<cmd> [env]');
   *
   * @param {string} names
   * @return {Command} `this` command for chaining
   */
  arguments(names) {
    names.trim().split(/ +/).forEach((detail) => {
      this.argument(detail);
    });
    return this;
  }
  /**
   * Define argument syntax for command, adding a prepared argument.
   *
   * @param {Argument} argument
   * @return {Command} `this` command for chaining
   */
  addArgument(argument) {
    const previousArgument = this.registeredArguments.slice(-1)[0];
    if (previousArgument?.variadic) {
      throw new Error(
        `only the last argument can be variadic '${previousArgument.name()}'`
      );
    }
    if (argument.required && argument.defaultValue !== void 0 && argument.parseArg === void 0) {
      throw new Error(
        `a default value for a required argument is never used: '${argument.name()}'`
      );
    }
    this.registeredArguments.push(argument);
    return this;
  }
  /**
   * Customise or override default help command. By default a help command is automatically added if your command has subcommands.
   *
   * @example
   *    program.helpCommand('help [cmd]');
   *    program.helpCommand('help [cmd]', 'show help');
   *    program.helpCommand(false); // suppress default help command
   *    program.helpCommand(true); // add help command even if no subcommands
   *
   * @param {string|boolean} enableOrNameAndArgs - enable with custom name and/or arguments, or boolean to override whether added
   * @param {string} [description] - custom description
   * @return {Command} `this` command for chaining
   */
  helpCommand(enableOrNameAndArgs, description) {
    if (typeof enableOrNameAndArgs === "boolean") {
      this._addImplicitHelpCommand = enableOrNameAndArgs;
      if (enableOrNameAndArgs && this._defaultCommandGroup) {
        this._initCommandGroup(this._getHelpCommand());
      }
      return this;
    }
    const nameAndArgs = enableOrNameAndArgs ?? "help [command]";
    const [, helpName, helpArgs] = nameAndArgs.match(/([^ ]+) *(.*)/);
    const helpDescription = description ?? "display help for command";
    const helpCommand = this.createCommand(helpName);
    helpCommand.helpOption(false);
    if (helpArgs) helpCommand.arguments(helpArgs);
    if (helpDescription) helpCommand.description(helpDescription);
    this._addImplicitHelpCommand = true;
    this._helpCommand = helpCommand;
    if (enableOrNameAndArgs || description) this._initCommandGroup(helpCommand);
    return this;
  }
  /**
   * Add prepared custom help command.
   *
   * @param {(Command|string|boolean)} helpCommand - custom help command, or deprecated enableOrNameAndArgs as for `.helpCommand()`
   * @param {string} [deprecatedDescription] - deprecated custom description used with custom name only
   * @return {Command} `this` command for chaining
   */
  addHelpCommand(helpCommand, deprecatedDescription) {
    if (typeof helpCommand !== "object") {
      this.helpCommand(helpCommand, deprecatedDescription);
      return this;
    }
    this._addImplicitHelpCommand = true;
    this._helpCommand = helpCommand;
    this._initCommandGroup(helpCommand);
    return this;
  }
  /**
   * Lazy create help command.
   *
   * @return {(Command|null)}
   * @package
   */
  _getHelpCommand() {
    const hasImplicitHelpCommand = this._addImplicitHelpCommand ?? (this.commands.length && !this._actionHandler && !this._findCommand("help"));
    if (hasImplicitHelpCommand) {
      if (this._helpCommand === void 0) {
        this.helpCommand(void 0, void 0);
      }
      return this._helpCommand;
    }
    return null;
  }
  /**
   * Add hook for life cycle event.
   *
   * @param {string} event
   * @param {Function} listener
   * @return {Command} `this` command for chaining
   */
  hook(event, listener) {
    const allowedValues = ["preSubcommand", "preAction", "postAction"];
    if (!allowedValues.includes(event)) {
      throw new Error(`Unexpected value for event passed to hook : '${event}'.
Expecting one of '${allowedValues.join("', '")}'`);
    }
    if (this._lifeCycleHooks[event]) {
      this._lifeCycleHooks[event].push(listener);
    } else {
      this._lifeCycleHooks[event] = [listener];
    }
    return this;
  }
  /**
   * Register callback to use as replacement for calling process.exit.
   *
   * @param {Function} [fn] optional callback which will be passed a CommanderError, defaults to throwing
   * @return {Command} `this` command for chaining
   */
  exitOverride(fn) {
    if (fn) {
      this._exitCallback = fn;
    } else {
      this._exitCallback = (err) => {
        if (err.code !== "commander.executeSubCommandAsync") {
          throw err;
        } else {
        }
      };
    }
    return this;
  }
  /**
   * Call process.exit, and _exitCallback if defined.
   *
   * @param {number} exitCode exit code for using with process.exit
   * @param {string} code an id string representing the error
   * @param {string} message human-readable description of the error
   * @return never
   * @private
   */
  _exit(exitCode, code, message) {
    if (this._exitCallback) {
      this._exitCallback(new CommanderError(exitCode, code, message));
    }
    process2.exit(exitCode);
  }
  /**
   * Register callback `fn` for the command.
   *
   * @example
   * program
   *   .command('serve')
   *   .description('start service')
   *   .action(function() {
   *      // do work here
   *   });
   *
   * @param {Function} fn
   * @return {Command} `this` command for chaining
   */
  action(fn) {
    const listener = (args) => {
      const expectedArgsCount = this.registeredArguments.length;
      const actionArgs = args.slice(0, expectedArgsCount);
      if (this._storeOptionsAsProperties) {
        actionArgs[expectedArgsCount] = this;
      } else {
        actionArgs[expectedArgsCount] = this.opts();
      }
      actionArgs.push(this);
      return fn.apply(this, actionArgs);
    };
    this._actionHandler = listener;
    return this;
  }
  /**
   * Factory routine to create a new unattached option.
   *
   * See .option() for creating an attached option, which uses this routine to
   * create the option. You can override createOption to return a custom option.
   *
   * @param {string} flags
   * @param {string} [description]
   * @return {Option} new option
   */
  createOption(flags, description) {
    return new Option(flags, description);
  }
  /**
   * Wrap parseArgs to catch 'commander.invalidArgument'.
   *
   * @param {(Option | Argument)} target
   * @param {string} value
   * @param {*} previous
   * @param {string} invalidArgumentMessage
   * @private
   */
  _callParseArg(target, value, previous, invalidArgumentMessage) {
    try {
      return target.parseArg(value, previous);
    } catch (err) {
      if (err.code === "commander.invalidArgument") {
        const message = `${invalidArgumentMessage} ${err.message}`;
        this.error(message, { exitCode: err.exitCode, code: err.code });
      }
      throw err;
    }
  }
  /**
   * Check for option flag conflicts.
   * Register option if no conflicts found, or throw on conflict.
   *
   * @param {Option} option
   * @private
   */
  _registerOption(option) {
    const matchingOption = option.short && this._findOption(option.short) || option.long && this._findOption(option.long);
    if (matchingOption) {
      const matchingFlag = option.long && this._findOption(option.long) ? option.long : option.short;
      throw new Error(`Cannot add option '${option.flags}'${this._name && ` to command '${this._name}'`} due to conflicting flag '${matchingFlag}'
-  already used by option '${matchingOption.flags}'`);
    }
    this._initOptionGroup(option);
    this.options.push(option);
  }
  /**
   * Check for command name and alias conflicts with existing commands.
   * Register command if no conflicts found, or throw on conflict.
   *
   * @param {Command} command
   * @private
   */
  _registerCommand(command) {
    const knownBy = (cmd) => {
      return [cmd.name()].concat(cmd.aliases());
    };
    const alreadyUsed = knownBy(command).find(
      (name) => this._findCommand(name)
    );
    if (alreadyUsed) {
      const existingCmd = knownBy(this._findCommand(alreadyUsed)).join("|");
      const newCmd = knownBy(command).join("|");
      throw new Error(
        `cannot add command '${newCmd}' as already have command '${existingCmd}'`
      );
    }
    this._initCommandGroup(command);
    this.commands.push(command);
  }
  /**
   * Add an option.
   *
   * @param {Option} option
   * @return {Command} `this` command for chaining
   */
  addOption(option) {
    this._registerOption(option);
    const oname = option.name();
    const name = option.attributeName();
    if (option.defaultValue !== void 0) {
      this.setOptionValueWithSource(name, option.defaultValue, "default");
    }
    const handleOptionValue = (val, invalidValueMessage, valueSource) => {
      if (val == null && option.presetArg !== void 0) {
        val = option.presetArg;
      }
      const oldValue = this.getOptionValue(name);
      if (val !== null && option.parseArg) {
        val = this._callParseArg(option, val, oldValue, invalidValueMessage);
      } else if (val !== null && option.variadic) {
        val = option._collectValue(val, oldValue);
      }
      if (val == null) {
        if (option.negate) {
          val = false;
        } else if (option.isBoolean() || option.optional) {
          val = true;
        } else {
          val = "";
        }
      }
      this.setOptionValueWithSource(name, val, valueSource);
    };
    this.on("option:" + oname, (val) => {
      const invalidValueMessage = `error: option '${option.flags}' argument '${val}' is invalid.`;
      handleOptionValue(val, invalidValueMessage, "cli");
    });
    if (option.envVar) {
      this.on("optionEnv:" + oname, (val) => {
        const invalidValueMessage = `error: option '${option.flags}' value '${val}' from env '${option.envVar}' is invalid.`;
        handleOptionValue(val, invalidValueMessage, "env");
      });
    }
    return this;
  }
  /**
   * Internal implementation shared by .option() and .requiredOption()
   *
   * @return {Command} `this` command for chaining
   * @private
   */
  _optionEx(config, flags, description, fn, defaultValue) {
    if (typeof flags === "object" && flags instanceof Option) {
      throw new Error(
        "To add an Option object use addOption() instead of option() or requiredOption()"
      );
    }
    const option = this.createOption(flags, description);
    option.makeOptionMandatory(!!config.mandatory);
    if (typeof fn === "function") {
      option.default(defaultValue).argParser(fn);
    } else if (fn instanceof RegExp) {
      const regex2 = fn;
      fn = (val, def) => {
        const m = regex2.exec(val);
        return m ? m[0] : def;
      };
      option.default(defaultValue).argParser(fn);
    } else {
      option.default(fn);
    }
    return this.addOption(option);
  }
  /**
   * Define option with `flags`, `description`, and optional argument parsing function or `defaultValue` or both.
   *
   * The `flags` string contains the short and/or long flags, separated by comma, a pipe or space. A required
   * option-argument is indicated by `<>` and an optional option-argument by `[]`.
   *
   * See the README for more details, and see also addOption() and requiredOption().
   *
   * @example
   * program
   *     .option('-p, --pepper', 'add pepper')
   *     .option('--pt, --pizza-type <TYPE>', 'type of pizza') // required option-argument
   *     .option('-c, --cheese [CHEESE]', 'add extra cheese', 'mozzarella') // optional option-argument with default
   *     .option('-t, --tip <VALUE>', 'add tip to purchase cost', parseFloat) // custom parse function
   *
   * @param {string} flags
   * @param {string} [description]
   * @param {(Function|*)} [parseArg] - custom option processing function or default value
   * @param {*} [defaultValue]
   * @return {Command} `this` command for chaining
   */
  option(flags, description, parseArg, defaultValue) {
    return this._optionEx({}, flags, description, parseArg, defaultValue);
  }
  /**
   * Add a required option which must have a value after parsing. This usually means
   * the option must be specified on the command line. (Otherwise the same as .option().)
   *
   * The `flags` string contains the short and/or long flags, separated by comma, a pipe or space.
   *
   * @param {string} flags
   * @param {string} [description]
   * @param {(Function|*)} [parseArg] - custom option processing function or default value
   * @param {*} [defaultValue]
   * @return {Command} `this` command for chaining
   */
  requiredOption(flags, description, parseArg, defaultValue) {
    return this._optionEx(
      { mandatory: true },
      flags,
      description,
      parseArg,
      defaultValue
    );
  }
  /**
   * Alter parsing of short flags with optional values.
   *
   * @example
   * // for `.option('-f,--flag [value]'):
   * program.combineFlagAndOptionalValue(true);  // `-f80` is treated like `--flag=80`, this is the default behaviour
   * program.combineFlagAndOptionalValue(false) // `-fb` is treated like `-f -b`
   *
   * @param {boolean} [combine] - if `true` or omitted, an optional value can be specified directly after the flag.
   * @return {Command} `this` command for chaining
   */
  combineFlagAndOptionalValue(combine = true) {
    this._combineFlagAndOptionalValue = !!combine;
    return this;
  }
  /**
   * Allow unknown options on the command line.
   *
   * @param {boolean} [allowUnknown] - if `true` or omitted, no error will be thrown for unknown options.
   * @return {Command} `this` command for chaining
   */
  allowUnknownOption(allowUnknown = true) {
    this._allowUnknownOption = !!allowUnknown;
    return this;
  }
  /**
   * Allow excess command-arguments on the command line. Pass false to make excess arguments an error.
   *
   * @param {boolean} [allowExcess] - if `true` or omitted, no error will be thrown for excess arguments.
   * @return {Command} `this` command for chaining
   */
  allowExcessArguments(allowExcess = true) {
    this._allowExcessArguments = !!allowExcess;
    return this;
  }
  /**
   * Enable positional options. Positional means global options are specified before subcommands which lets
   * subcommands reuse the same option names, and also enables subcommands to turn on passThroughOptions.
   * The default behaviour is non-positional and global options may appear anywhere on the command line.
   *
   * @param {boolean} [positional]
   * @return {Command} `this` command for chaining
   */
  enablePositionalOptions(positional = true) {
    this._enablePositionalOptions = !!positional;
    return this;
  }
  /**
   * Pass through options that come after command-arguments rather than treat them as command-options,
   * so actual command-options come before command-arguments. Turning this on for a subcommand requires
   * positional options to have been enabled on the program (parent commands).
   * The default behaviour is non-positional and options may appear before or after command-arguments.
   *
   * @param {boolean} [passThrough] for unknown options.
   * @return {Command} `this` command for chaining
   */
  passThroughOptions(passThrough = true) {
    this._passThroughOptions = !!passThrough;
    this._checkForBrokenPassThrough();
    return this;
  }
  /**
   * @private
   */
  _checkForBrokenPassThrough() {
    if (this.parent && this._passThroughOptions && !this.parent._enablePositionalOptions) {
      throw new Error(
        `passThroughOptions cannot be used for '${this._name}' without turning on enablePositionalOptions for parent command(s)`
      );
    }
  }
  /**
   * Whether to store option values as properties on command object,
   * or store separately (specify false). In both cases the option values can be accessed using .opts().
   *
   * @param {boolean} [storeAsProperties=true]
   * @return {Command} `this` command for chaining
   */
  storeOptionsAsProperties(storeAsProperties = true) {
    if (this.options.length) {
      throw new Error("call .storeOptionsAsProperties() before adding options");
    }
    if (Object.keys(this._optionValues).length) {
      throw new Error(
        "call .storeOptionsAsProperties() before setting option values"
      );
    }
    this._storeOptionsAsProperties = !!storeAsProperties;
    return this;
  }
  /**
   * Retrieve option value.
   *
   * @param {string} key
   * @return {object} value
   */
  getOptionValue(key) {
    if (this._storeOptionsAsProperties) {
      return this[key];
    }
    return this._optionValues[key];
  }
  /**
   * Store option value.
   *
   * @param {string} key
   * @param {object} value
   * @return {Command} `this` command for chaining
   */
  setOptionValue(key, value) {
    return this.setOptionValueWithSource(key, value, void 0);
  }
  /**
   * Store option value and where the value came from.
   *
   * @param {string} key
   * @param {object} value
   * @param {string} source - expected values are default/config/env/cli/implied
   * @return {Command} `this` command for chaining
   */
  setOptionValueWithSource(key, value, source) {
    if (this._storeOptionsAsProperties) {
      this[key] = value;
    } else {
      this._optionValues[key] = value;
    }
    this._optionValueSources[key] = source;
    return this;
  }
  /**
   * Get source of option value.
   * Expected values are default | config | env | cli | implied
   *
   * @param {string} key
   * @return {string}
   */
  getOptionValueSource(key) {
    return this._optionValueSources[key];
  }
  /**
   * Get source of option value. See also .optsWithGlobals().
   * Expected values are default | config | env | cli | implied
   *
   * @param {string} key
   * @return {string}
   */
  getOptionValueSourceWithGlobals(key) {
    let source;
    this._getCommandAndAncestors().forEach((cmd) => {
      if (Object.hasOwn(cmd._optionValueSources, key)) {
        source = cmd.getOptionValueSource(key);
      }
    });
    return source;
  }
  /**
   * Get user arguments from implied or explicit arguments.
   * Side-effects: set _scriptPath if args included script. Used for default program name, and subcommand searches.
   *
   * @private
   */
  _prepareUserArgs(argv, parseOptions) {
    if (argv !== void 0 && !Array.isArray(argv)) {
      throw new Error("first parameter to parse must be array or undefined");
    }
    parseOptions = parseOptions || {};
    if (argv === void 0 && parseOptions.from === void 0) {
      if (process2.versions?.electron) {
        parseOptions.from = "electron";
      }
      const execArgv = process2.execArgv ?? [];
      if (execArgv.includes("-e") || execArgv.includes("--eval") || execArgv.includes("-p") || execArgv.includes("--print")) {
        parseOptions.from = "eval";
      }
    }
    if (argv === void 0) {
      argv = process2.argv;
    }
    this.rawArgs = argv.slice();
    let userArgs;
    switch (parseOptions.from) {
      case void 0:
      case "node":
        this._scriptPath = argv[1];
        userArgs = argv.slice(2);
        break;
      case "electron":
        if (process2.defaultApp) {
          this._scriptPath = argv[1];
          userArgs = argv.slice(2);
        } else {
          userArgs = argv.slice(1);
        }
        break;
      case "user":
        userArgs = argv.slice(0);
        break;
      case "eval":
        userArgs = argv.slice(1);
        break;
      default:
        throw new Error(
          `unexpected parse option { from: '${parseOptions.from}' }`
        );
    }
    if (!this._name && this._scriptPath)
      this.nameFromFilename(this._scriptPath);
    this._name = this._name || "program";
    return userArgs;
  }
  /**
   * Parse `argv`, setting options and invoking commands when defined.
   *
   * Use parseAsync instead of parse if any of your action handlers are async.
   *
   * Call with no parameters to parse `process.argv`. Detects Electron and special node options like `node --eval`. Easy mode!
   *
   * Or call with an array of strings to parse, and optionally where the user arguments start by specifying where the arguments are `from`:
   * - `'node'`: default, `argv[0]` is the application and `argv[1]` is the script being run, with user arguments after that
   * - `'electron'`: `argv[0]` is the application and `argv[1]` varies depending on whether the electron application is packaged
   * - `'user'`: just user arguments
   *
   * @example
   * program.parse(); // parse process.argv and auto-detect electron and special node flags
   * program.parse(process.argv); // assume argv[0] is app and argv[1] is script
   * program.parse(my-args, { from: 'user' }); // just user supplied arguments, nothing special about argv[0]
   *
   * @param {string[]} [argv] - optional, defaults to process.argv
   * @param {object} [parseOptions] - optionally specify style of options with from: node/user/electron
   * @param {string} [parseOptions.from] - where the args are from: 'node', 'user', 'electron'
   * @return {Command} `this` command for chaining
   */
  parse(argv, parseOptions) {
    this._prepareForParse();
    const userArgs = this._prepareUserArgs(argv, parseOptions);
    this._parseCommand([], userArgs);
    return this;
  }
  /**
   * Parse `argv`, setting options and invoking commands when defined.
   *
   * Call with no parameters to parse `process.argv`. Detects Electron and special node options like `node --eval`. Easy mode!
   *
   * Or call with an array of strings to parse, and optionally where the user arguments start by specifying where the arguments are `from`:
   * - `'node'`: default, `argv[0]` is the application and `argv[1]` is the script being run, with user arguments after that
   * - `'electron'`: `argv[0]` is the application and `argv[1]` varies depending on whether the electron application is packaged
   * - `'user'`: just user arguments
   *
   * @example
   * await program.parseAsync(); // parse process.argv and auto-detect electron and special node flags
   * await program.parseAsync(process.argv); // assume argv[0] is app and argv[1] is script
   * await program.parseAsync(my-args, { from: 'user' }); // just user supplied arguments, nothing special about argv[0]
   *
   * @param {string[]} [argv]
   * @param {object} [parseOptions]
   * @param {string} parseOptions.from - where the args are from: 'node', 'user', 'electron'
   * @return {Promise}
   */
  async parseAsync(argv, parseOptions) {
    this._prepareForParse();
    const userArgs = this._prepareUserArgs(argv, parseOptions);
    await this._parseCommand([], userArgs);
    return this;
  }
  _prepareForParse() {
    if (this._savedState === null) {
      this.options.filter(
        (option) => option.negate && option.defaultValue === void 0 && this.getOptionValue(option.attributeName()) === void 0
      ).forEach((option) => {
        const positiveLongFlag = option.long.replace(/^--no-/, "--");
        if (!this._findOption(positiveLongFlag)) {
          this.setOptionValueWithSource(
            option.attributeName(),
            true,
            "default"
          );
        }
      });
      this.saveStateBeforeParse();
    } else {
      this.restoreStateBeforeParse();
    }
  }
  /**
   * Called the first time parse is called to save state and allow a restore before subsequent calls to parse.
   * Not usually called directly, but available for subclasses to save their custom state.
   *
   * This is called in a lazy way. Only commands used in parsing chain will have state saved.
   */
  saveStateBeforeParse() {
    this._savedState = {
      // name is stable if supplied by author, but may be unspecified for root command and deduced during parsing
      _name: this._name,
      // option values before parse have default values (including false for negated options)
      // shallow clones
      _optionValues: { ...this._optionValues },
      _optionValueSources: { ...this._optionValueSources }
    };
  }
  /**
   * Restore state before parse for calls after the first.
   * Not usually called directly, but available for subclasses to save their custom state.
   *
   * This is called in a lazy way. Only commands used in parsing chain will have state restored.
   */
  restoreStateBeforeParse() {
    if (this._storeOptionsAsProperties)
      throw new Error(`Can not call parse again when storeOptionsAsProperties is true.
- either make a new Command for each call to parse, or stop storing options as properties`);
    this._name = this._savedState._name;
    this._scriptPath = null;
    this.rawArgs = [];
    this._optionValues = { ...this._savedState._optionValues };
    this._optionValueSources = { ...this._savedState._optionValueSources };
    this.args = [];
    this.processedArgs = [];
  }
  /**
   * Throw if expected executable is missing. Add lots of help for author.
   *
   * @param {string} executableFile
   * @param {string} executableDir
   * @param {string} subcommandName
   */
  _checkForMissingExecutable(executableFile, executableDir, subcommandName) {
    if (fs.existsSync(executableFile)) return;
    const executableDirMessage = executableDir ? `searched for local subcommand relative to directory '${executableDir}'` : "no directory for search for local subcommand, use .executableDir() to supply a custom directory";
    const executableMissing = `'${executableFile}' does not exist
 - if '${subcommandName}' is not meant to be an executable command, remove description parameter from '.command()' and use '.description()' instead
 - if the default executable name is not suitable, use the executableFile option to supply a custom name or path
 - ${executableDirMessage}`;
    throw new Error(executableMissing);
  }
  /**
   * Execute a sub-command executable.
   *
   * @private
   */
  _executeSubCommand(subcommand, args) {
    args = args.slice();
    const sourceExt = [".js", ".ts", ".tsx", ".mjs", ".cjs"];
    function findFile(baseDir, baseName) {
      const localBin = path.resolve(baseDir, baseName);
      if (fs.existsSync(localBin)) return localBin;
      if (sourceExt.includes(path.extname(baseName))) return void 0;
      const foundExt = sourceExt.find(
        (ext) => fs.existsSync(`${localBin}${ext}`)
      );
      if (foundExt) return `${localBin}${foundExt}`;
      return void 0;
    }
    this._checkForMissingMandatoryOptions();
    this._checkForConflictingOptions();
    let executableFile = subcommand._executableFile || `${this._name}-${subcommand._name}`;
    let executableDir = this._executableDir || "";
    if (this._scriptPath) {
      let resolvedScriptPath;
      try {
        resolvedScriptPath = fs.realpathSync(this._scriptPath);
      } catch {
        resolvedScriptPath = this._scriptPath;
      }
      executableDir = path.resolve(
        path.dirname(resolvedScriptPath),
        executableDir
      );
    }
    if (executableDir) {
      let localFile = findFile(executableDir, executableFile);
      if (!localFile && !subcommand._executableFile && this._scriptPath) {
        const legacyName = path.basename(
          this._scriptPath,
          path.extname(this._scriptPath)
        );
        if (legacyName !== this._name) {
          localFile = findFile(
            executableDir,
            `${legacyName}-${subcommand._name}`
          );
        }
      }
      executableFile = localFile || executableFile;
    }
    const launchWithNode = sourceExt.includes(path.extname(executableFile));
    let proc;
    if (process2.platform !== "win32") {
      if (launchWithNode) {
        args.unshift(executableFile);
        args = incrementNodeInspectorPort(process2.execArgv).concat(args);
        proc = childProcess.spawn(process2.argv[0], args, { stdio: "inherit" });
      } else {
        proc = childProcess.spawn(executableFile, args, { stdio: "inherit" });
      }
    } else {
      this._checkForMissingExecutable(
        executableFile,
        executableDir,
        subcommand._name
      );
      args.unshift(executableFile);
      args = incrementNodeInspectorPort(process2.execArgv).concat(args);
      proc = childProcess.spawn(process2.execPath, args, { stdio: "inherit" });
    }
    if (!proc.killed) {
      const signals2 = ["SIGUSR1", "SIGUSR2", "SIGTERM", "SIGINT", "SIGHUP"];
      signals2.forEach((signal) => {
        process2.on(signal, () => {
          if (proc.killed === false && proc.exitCode === null) {
            proc.kill(signal);
          }
        });
      });
    }
    const exitCallback = this._exitCallback;
    proc.on("close", (code) => {
      code = code ?? 1;
      if (!exitCallback) {
        process2.exit(code);
      } else {
        exitCallback(
          new CommanderError(
            code,
            "commander.executeSubCommandAsync",
            "(close)"
          )
        );
      }
    });
    proc.on("error", (err) => {
      if (err.code === "ENOENT") {
        this._checkForMissingExecutable(
          executableFile,
          executableDir,
          subcommand._name
        );
      } else if (err.code === "EACCES") {
        throw new Error(`'${executableFile}' not executable`);
      }
      if (!exitCallback) {
        process2.exit(1);
      } else {
        const wrappedError = new CommanderError(
          1,
          "commander.executeSubCommandAsync",
          "(error)"
        );
        wrappedError.nestedError = err;
        exitCallback(wrappedError);
      }
    });
    this.runningCommand = proc;
  }
  /**
   * @private
   */
  _dispatchSubcommand(commandName, operands, unknown) {
    const subCommand = this._findCommand(commandName);
    if (!subCommand) this.help({ error: true });
    subCommand._prepareForParse();
    let promiseChain;
    promiseChain = this._chainOrCallSubCommandHook(
      promiseChain,
      subCommand,
      "preSubcommand"
    );
    promiseChain = this._chainOrCall(promiseChain, () => {
      if (subCommand._executableHandler) {
        this._executeSubCommand(subCommand, operands.concat(unknown));
      } else {
        return subCommand._parseCommand(operands, unknown);
      }
    });
    return promiseChain;
  }
  /**
   * Invoke help directly if possible, or dispatch if necessary.
   * e.g. help foo
   *
   * @private
   */
  _dispatchHelpCommand(subcommandName) {
    if (!subcommandName) {
      this.help();
    }
    const subCommand = this._findCommand(subcommandName);
    if (subCommand && !subCommand._executableHandler) {
      subCommand.help();
    }
    return this._dispatchSubcommand(
      subcommandName,
      [],
      [this._getHelpOption()?.long ?? this._getHelpOption()?.short ?? "--help"]
    );
  }
  /**
   * Check this.args against expected this.registeredArguments.
   *
   * @private
   */
  _checkNumberOfArguments() {
    this.registeredArguments.forEach((arg, i) => {
      if (arg.required && this.args[i] == null) {
        this.missingArgument(arg.name());
      }
    });
    if (this.registeredArguments.length > 0 && this.registeredArguments[this.registeredArguments.length - 1].variadic) {
      return;
    }
    if (this.args.length > this.registeredArguments.length) {
      this._excessArguments(this.args);
    }
  }
  /**
   * Process this.args using this.registeredArguments and save as this.processedArgs!
   *
   * @private
   */
  _processArguments() {
    const myParseArg = (argument, value, previous) => {
      let parsedValue = value;
      if (value !== null && argument.parseArg) {
        const invalidValueMessage = `error: command-argument value '${value}' is invalid for argument '${argument.name()}'.`;
        parsedValue = this._callParseArg(
          argument,
          value,
          previous,
          invalidValueMessage
        );
      }
      return parsedValue;
    };
    this._checkNumberOfArguments();
    const processedArgs = [];
    this.registeredArguments.forEach((declaredArg, index) => {
      let value = declaredArg.defaultValue;
      if (declaredArg.variadic) {
        if (index < this.args.length) {
          value = this.args.slice(index);
          if (declaredArg.parseArg) {
            value = value.reduce((processed, v) => {
              return myParseArg(declaredArg, v, processed);
            }, declaredArg.defaultValue);
          }
        } else if (value === void 0) {
          value = [];
        }
      } else if (index < this.args.length) {
        value = this.args[index];
        if (declaredArg.parseArg) {
          value = myParseArg(declaredArg, value, declaredArg.defaultValue);
        }
      }
      processedArgs[index] = value;
    });
    this.processedArgs = processedArgs;
  }
  /**
   * Once we have a promise we chain, but call synchronously until then.
   *
   * @param {(Promise|undefined)} promise
   * @param {Function} fn
   * @return {(Promise|undefined)}
   * @private
   */
  _chainOrCall(promise, fn) {
    if (promise?.then && typeof promise.then === "function") {
      return promise.then(() => fn());
    }
    return fn();
  }
  /**
   *
   * @param {(Promise|undefined)} promise
   * @param {string} event
   * @return {(Promise|undefined)}
   * @private
   */
  _chainOrCallHooks(promise, event) {
    let result = promise;
    const hooks = [];
    this._getCommandAndAncestors().reverse().filter((cmd) => cmd._lifeCycleHooks[event] !== void 0).forEach((hookedCommand) => {
      hookedCommand._lifeCycleHooks[event].forEach((callback) => {
        hooks.push({ hookedCommand, callback });
      });
    });
    if (event === "postAction") {
      hooks.reverse();
    }
    hooks.forEach((hookDetail) => {
      result = this._chainOrCall(result, () => {
        return hookDetail.callback(hookDetail.hookedCommand, this);
      });
    });
    return result;
  }
  /**
   *
   * @param {(Promise|undefined)} promise
   * @param {Command} subCommand
   * @param {string} event
   * @return {(Promise|undefined)}
   * @private
   */
  _chainOrCallSubCommandHook(promise, subCommand, event) {
    let result = promise;
    if (this._lifeCycleHooks[event] !== void 0) {
      this._lifeCycleHooks[event].forEach((hook) => {
        result = this._chainOrCall(result, () => {
          return hook(this, subCommand);
        });
      });
    }
    return result;
  }
  /**
   * Process arguments in context of this command.
   * Returns action result, in case it is a promise.
   *
   * @private
   */
  _parseCommand(operands, unknown) {
    const parsed = this.parseOptions(unknown);
    this._parseOptionsEnv();
    this._parseOptionsImplied();
    operands = operands.concat(parsed.operands);
    unknown = parsed.unknown;
    this.args = operands.concat(unknown);
    if (operands && this._findCommand(operands[0])) {
      return this._dispatchSubcommand(operands[0], operands.slice(1), unknown);
    }
    if (this._getHelpCommand() && operands[0] === this._getHelpCommand().name()) {
      return this._dispatchHelpCommand(operands[1]);
    }
    if (this._defaultCommandName) {
      this._outputHelpIfRequested(unknown);
      return this._dispatchSubcommand(
        this._defaultCommandName,
        operands,
        unknown
      );
    }
    if (this.commands.length && this.args.length === 0 && !this._actionHandler && !this._defaultCommandName) {
      this.help({ error: true });
    }
    this._outputHelpIfRequested(parsed.unknown);
    this._checkForMissingMandatoryOptions();
    this._checkForConflictingOptions();
    const checkForUnknownOptions = () => {
      if (parsed.unknown.length > 0) {
        this.unknownOption(parsed.unknown[0]);
      }
    };
    const commandEvent = `command:${this.name()}`;
    if (this._actionHandler) {
      checkForUnknownOptions();
      this._processArguments();
      let promiseChain;
      promiseChain = this._chainOrCallHooks(promiseChain, "preAction");
      promiseChain = this._chainOrCall(
        promiseChain,
        () => this._actionHandler(this.processedArgs)
      );
      if (this.parent) {
        promiseChain = this._chainOrCall(promiseChain, () => {
          this.parent.emit(commandEvent, operands, unknown);
        });
      }
      promiseChain = this._chainOrCallHooks(promiseChain, "postAction");
      return promiseChain;
    }
    if (this.parent?.listenerCount(commandEvent)) {
      checkForUnknownOptions();
      this._processArguments();
      this.parent.emit(commandEvent, operands, unknown);
    } else if (operands.length) {
      if (this._findCommand("*")) {
        return this._dispatchSubcommand("*", operands, unknown);
      }
      if (this.listenerCount("command:*")) {
        this.emit("command:*", operands, unknown);
      } else if (this.commands.length) {
        this.unknownCommand();
      } else {
        checkForUnknownOptions();
        this._processArguments();
      }
    } else if (this.commands.length) {
      checkForUnknownOptions();
      this.help({ error: true });
    } else {
      checkForUnknownOptions();
      this._processArguments();
    }
  }
  /**
   * Find matching command.
   *
   * @private
   * @return {Command | undefined}
   */
  _findCommand(name) {
    if (!name) return void 0;
    return this.commands.find(
      (cmd) => cmd._name === name || cmd._aliases.includes(name)
    );
  }
  /**
   * Return an option matching `arg` if any.
   *
   * @param {string} arg
   * @return {Option}
   * @package
   */
  _findOption(arg) {
    return this.options.find((option) => option.is(arg));
  }
  /**
   * Display an error message if a mandatory option does not have a value.
   * Called after checking for help flags in leaf subcommand.
   *
   * @private
   */
  _checkForMissingMandatoryOptions() {
    this._getCommandAndAncestors().forEach((cmd) => {
      cmd.options.forEach((anOption) => {
        if (anOption.mandatory && cmd.getOptionValue(anOption.attributeName()) === void 0) {
          cmd.missingMandatoryOptionValue(anOption);
        }
      });
    });
  }
  /**
   * Display an error message if conflicting options are used together in this.
   *
   * @private
   */
  _checkForConflictingLocalOptions() {
    const definedNonDefaultOptions = this.options.filter((option) => {
      const optionKey = option.attributeName();
      if (this.getOptionValue(optionKey) === void 0) {
        return false;
      }
      return this.getOptionValueSource(optionKey) !== "default";
    });
    const optionsWithConflicting = definedNonDefaultOptions.filter(
      (option) => option.conflictsWith.length > 0
    );
    optionsWithConflicting.forEach((option) => {
      const conflictingAndDefined = definedNonDefaultOptions.find(
        (defined) => option.conflictsWith.includes(defined.attributeName())
      );
      if (conflictingAndDefined) {
        this._conflictingOption(option, conflictingAndDefined);
      }
    });
  }
  /**
   * Display an error message if conflicting options are used together.
   * Called after checking for help flags in leaf subcommand.
   *
   * @private
   */
  _checkForConflictingOptions() {
    this._getCommandAndAncestors().forEach((cmd) => {
      cmd._checkForConflictingLocalOptions();
    });
  }
  /**
   * Parse options from `argv` removing known options,
   * and return argv split into operands and unknown arguments.
   *
   * Side effects: modifies command by storing options. Does not reset state if called again.
   *
   * Examples:
   *
   *     argv => operands, unknown
   *     --known kkk op => [op], []
   *     op --known kkk => [op], []
   *     sub --unknown uuu op => [sub], [--unknown uuu op]
   *     sub -- --unknown uuu op => [sub --unknown uuu op], []
   *
   * @param {string[]} args
   * @return {{operands: string[], unknown: string[]}}
   */
  parseOptions(args) {
    const operands = [];
    const unknown = [];
    let dest = operands;
    function maybeOption(arg) {
      return arg.length > 1 && arg[0] === "-";
    }
    const negativeNumberArg = (arg) => {
      if (!/^-(\d+|\d*\.\d+)([eE][+-]?\d+)?$/.test(arg)) return false;
      return !this._getCommandAndAncestors().some(
        (cmd) => cmd.options.map((opt) => opt.short).some((short) => /^-\d$/.test(short))
      );
    };
    let activeVariadicOption = null;
    let activeGroup = null;
    let i = 0;
    while (i < args.length || activeGroup) {
      const arg = activeGroup ?? args[i++];
      activeGroup = null;
      if (arg === "--") {
        if (dest === unknown) dest.push(arg);
        dest.push(...args.slice(i));
        break;
      }
      if (activeVariadicOption && (!maybeOption(arg) || negativeNumberArg(arg))) {
        this.emit(`option:${activeVariadicOption.name()}`, arg);
        continue;
      }
      activeVariadicOption = null;
      if (maybeOption(arg)) {
        const option = this._findOption(arg);
        if (option) {
          if (option.required) {
            const value = args[i++];
            if (value === void 0) this.optionMissingArgument(option);
            this.emit(`option:${option.name()}`, value);
          } else if (option.optional) {
            let value = null;
            if (i < args.length && (!maybeOption(args[i]) || negativeNumberArg(args[i]))) {
              value = args[i++];
            }
            this.emit(`option:${option.name()}`, value);
          } else {
            this.emit(`option:${option.name()}`);
          }
          activeVariadicOption = option.variadic ? option : null;
          continue;
        }
      }
      if (arg.length > 2 && arg[0] === "-" && arg[1] !== "-") {
        const option = this._findOption(`-${arg[1]}`);
        if (option) {
          if (option.required || option.optional && this._combineFlagAndOptionalValue) {
            this.emit(`option:${option.name()}`, arg.slice(2));
          } else {
            this.emit(`option:${option.name()}`);
            activeGroup = `-${arg.slice(2)}`;
          }
          continue;
        }
      }
      if (/^--[^=]+=/.test(arg)) {
        const index = arg.indexOf("=");
        const option = this._findOption(arg.slice(0, index));
        if (option && (option.required || option.optional)) {
          this.emit(`option:${option.name()}`, arg.slice(index + 1));
          continue;
        }
      }
      if (dest === operands && maybeOption(arg) && !(this.commands.length === 0 && negativeNumberArg(arg))) {
        dest = unknown;
      }
      if ((this._enablePositionalOptions || this._passThroughOptions) && operands.length === 0 && unknown.length === 0) {
        if (this._findCommand(arg)) {
          operands.push(arg);
          unknown.push(...args.slice(i));
          break;
        } else if (this._getHelpCommand() && arg === this._getHelpCommand().name()) {
          operands.push(arg, ...args.slice(i));
          break;
        } else if (this._defaultCommandName) {
          unknown.push(arg, ...args.slice(i));
          break;
        }
      }
      if (this._passThroughOptions) {
        dest.push(arg, ...args.slice(i));
        break;
      }
      dest.push(arg);
    }
    return { operands, unknown };
  }
  /**
   * Return an object containing local option values as key-value pairs.
   *
   * @return {object}
   */
  opts() {
    if (this._storeOptionsAsProperties) {
      const result = {};
      const len = this.options.length;
      for (let i = 0; i < len; i++) {
        const key = this.options[i].attributeName();
        result[key] = key === this._versionOptionName ? this._version : this[key];
      }
      return result;
    }
    return this._optionValues;
  }
  /**
   * Return an object containing merged local and global option values as key-value pairs.
   *
   * @return {object}
   */
  optsWithGlobals() {
    return this._getCommandAndAncestors().reduce(
      (combinedOptions, cmd) => Object.assign(combinedOptions, cmd.opts()),
      {}
    );
  }
  /**
   * Display error message and exit (or call exitOverride).
   *
   * @param {string} message
   * @param {object} [errorOptions]
   * @param {string} [errorOptions.code] - an id string representing the error
   * @param {number} [errorOptions.exitCode] - used with process.exit
   */
  error(message, errorOptions) {
    this._outputConfiguration.outputError(
      `${message}
`,
      this._outputConfiguration.writeErr
    );
    if (typeof this._showHelpAfterError === "string") {
      this._outputConfiguration.writeErr(`${this._showHelpAfterError}
`);
    } else if (this._showHelpAfterError) {
      this._outputConfiguration.writeErr("\n");
      this.outputHelp({ error: true });
    }
    const config = errorOptions || {};
    const exitCode = config.exitCode || 1;
    const code = config.code || "commander.error";
    this._exit(exitCode, code, message);
  }
  /**
   * Apply any option related environment variables, if option does
   * not have a value from cli or client code.
   *
   * @private
   */
  _parseOptionsEnv() {
    this.options.forEach((option) => {
      if (option.envVar && option.envVar in process2.env) {
        const optionKey = option.attributeName();
        if (this.getOptionValue(optionKey) === void 0 || ["default", "config", "env"].includes(
          this.getOptionValueSource(optionKey)
        )) {
          if (option.required || option.optional) {
            this.emit(`optionEnv:${option.name()}`, process2.env[option.envVar]);
          } else {
            this.emit(`optionEnv:${option.name()}`);
          }
        }
      }
    });
  }
  /**
   * Apply any implied option values, if option is undefined or default value.
   *
   * @private
   */
  _parseOptionsImplied() {
    const dualHelper = new DualOptions(this.options);
    const hasCustomOptionValue = (optionKey) => {
      return this.getOptionValue(optionKey) !== void 0 && !["default", "implied"].includes(this.getOptionValueSource(optionKey));
    };
    this.options.filter(
      (option) => option.implied !== void 0 && hasCustomOptionValue(option.attributeName()) && dualHelper.valueFromOption(
        this.getOptionValue(option.attributeName()),
        option
      )
    ).forEach((option) => {
      Object.keys(option.implied).filter((impliedKey) => !hasCustomOptionValue(impliedKey)).forEach((impliedKey) => {
        this.setOptionValueWithSource(
          impliedKey,
          option.implied[impliedKey],
          "implied"
        );
      });
    });
  }
  /**
   * Argument `name` is missing.
   *
   * @param {string} name
   * @private
   */
  missingArgument(name) {
    const message = `error: missing required argument '${name}'`;
    this.error(message, { code: "commander.missingArgument" });
  }
  /**
   * `Option` is missing an argument.
   *
   * @param {Option} option
   * @private
   */
  optionMissingArgument(option) {
    const message = `error: option '${option.flags}' argument missing`;
    this.error(message, { code: "commander.optionMissingArgument" });
  }
  /**
   * `Option` does not have a value, and is a mandatory option.
   *
   * @param {Option} option
   * @private
   */
  missingMandatoryOptionValue(option) {
    const message = `error: required option '${option.flags}' not specified`;
    this.error(message, { code: "commander.missingMandatoryOptionValue" });
  }
  /**
   * `Option` conflicts with another option.
   *
   * @param {Option} option
   * @param {Option} conflictingOption
   * @private
   */
  _conflictingOption(option, conflictingOption) {
    const findBestOptionFromValue = (option2) => {
      const optionKey = option2.attributeName();
      const optionValue = this.getOptionValue(optionKey);
      const negativeOption = this.options.find(
        (target) => target.negate && optionKey === target.attributeName()
      );
      const positiveOption = this.options.find(
        (target) => !target.negate && optionKey === target.attributeName()
      );
      if (negativeOption && (negativeOption.presetArg === void 0 && optionValue === false || negativeOption.presetArg !== void 0 && optionValue === negativeOption.presetArg)) {
        return negativeOption;
      }
      return positiveOption || option2;
    };
    const getErrorMessage = (option2) => {
      const bestOption = findBestOptionFromValue(option2);
      const optionKey = bestOption.attributeName();
      const source = this.getOptionValueSource(optionKey);
      if (source === "env") {
        return `environment variable '${bestOption.envVar}'`;
      }
      return `option '${bestOption.flags}'`;
    };
    const message = `error: ${getErrorMessage(option)} cannot be used with ${getErrorMessage(conflictingOption)}`;
    this.error(message, { code: "commander.conflictingOption" });
  }
  /**
   * Unknown option `flag`.
   *
   * @param {string} flag
   * @private
   */
  unknownOption(flag) {
    if (this._allowUnknownOption) return;
    let suggestion = "";
    if (flag.startsWith("--") && this._showSuggestionAfterError) {
      let candidateFlags = [];
      let command = this;
      do {
        const moreFlags = command.createHelp().visibleOptions(command).filter((option) => option.long).map((option) => option.long);
        candidateFlags = candidateFlags.concat(moreFlags);
        command = command.parent;
      } while (command && !command._enablePositionalOptions);
      suggestion = suggestSimilar(flag, candidateFlags);
    }
    const message = `error: unknown option '${flag}'${suggestion}`;
    this.error(message, { code: "commander.unknownOption" });
  }
  /**
   * Excess arguments, more than expected.
   *
   * @param {string[]} receivedArgs
   * @private
   */
  _excessArguments(receivedArgs) {
    if (this._allowExcessArguments) return;
    const expected = this.registeredArguments.length;
    const s = expected === 1 ? "" : "s";
    const received = receivedArgs.length;
    const forSubcommand = this.parent ? ` for '${this.name()}'` : "";
    const details2 = receivedArgs.join(", ");
    const message = `error: too many arguments${forSubcommand}. Expected ${expected} argument${s} but got ${received}: ${details2}.`;
    this.error(message, { code: "commander.excessArguments" });
  }
  /**
   * Unknown command.
   *
   * @private
   */
  unknownCommand() {
    const unknownName = this.args[0];
    let suggestion = "";
    if (this._showSuggestionAfterError) {
      const candidateNames = [];
      this.createHelp().visibleCommands(this).forEach((command) => {
        candidateNames.push(command.name());
        if (command.alias()) candidateNames.push(command.alias());
      });
      suggestion = suggestSimilar(unknownName, candidateNames);
    }
    const message = `error: unknown command '${unknownName}'${suggestion}`;
    this.error(message, { code: "commander.unknownCommand" });
  }
  /**
   * Get or set the program version.
   *
   * This method auto-registers the "-V, --version" option which will print the version number.
   *
   * You can optionally supply the flags and description to override the defaults.
   *
   * @param {string} [str]
   * @param {string} [flags]
   * @param {string} [description]
   * @return {(this | string | undefined)} `this` command for chaining, or version string if no arguments
   */
  version(str, flags, description) {
    if (str === void 0) return this._version;
    this._version = str;
    flags = flags || "-V, --version";
    description = description || "output the version number";
    const versionOption = this.createOption(flags, description);
    this._versionOptionName = versionOption.attributeName();
    this._registerOption(versionOption);
    this.on("option:" + versionOption.name(), () => {
      this._outputConfiguration.writeOut(`${str}
`);
      this._exit(0, "commander.version", str);
    });
    return this;
  }
  /**
   * Set the description.
   *
   * @param {string} [str]
   * @param {object} [argsDescription]
   * @return {(string|Command)}
   */
  description(str, argsDescription) {
    if (str === void 0 && argsDescription === void 0)
      return this._description;
    this._description = str;
    if (argsDescription) {
      this._argsDescription = argsDescription;
    }
    return this;
  }
  /**
   * Set the summary. Used when listed as subcommand of parent.
   *
   * @param {string} [str]
   * @return {(string|Command)}
   */
  summary(str) {
    if (str === void 0) return this._summary;
    this._summary = str;
    return this;
  }
  /**
   * Set an alias for the command.
   *
   * You may call more than once to add multiple aliases. Only the first alias is shown in the auto-generated help.
   *
   * @param {string} [alias]
   * @return {(string|Command)}
   */
  alias(alias) {
    if (alias === void 0) return this._aliases[0];
    let command = this;
    if (this.commands.length !== 0 && this.commands[this.commands.length - 1]._executableHandler) {
      command = this.commands[this.commands.length - 1];
    }
    if (alias === command._name)
      throw new Error("Command alias can't be the same as its name");
    const matchingCommand = this.parent?._findCommand(alias);
    if (matchingCommand) {
      const existingCmd = [matchingCommand.name()].concat(matchingCommand.aliases()).join("|");
      throw new Error(
        `cannot add alias '${alias}' to command '${this.name()}' as already have command '${existingCmd}'`
      );
    }
    command._aliases.push(alias);
    return this;
  }
  /**
   * Set aliases for the command.
   *
   * Only the first alias is shown in the auto-generated help.
   *
   * @param {string[]} [aliases]
   * @return {(string[]|Command)}
   */
  aliases(aliases) {
    if (aliases === void 0) return this._aliases;
    aliases.forEach((alias) => this.alias(alias));
    return this;
  }
  /**
   * Set / get the command usage `str`.
   *
   * @param {string} [str]
   * @return {(string|Command)}
   */
  usage(str) {
    if (str === void 0) {
      if (this._usage) return this._usage;
      const args = this.registeredArguments.map((arg) => {
        return humanReadableArgName(arg);
      });
      return [].concat(
        this.options.length || this._helpOption !== null ? "[options]" : [],
        this.commands.length ? "[command]" : [],
        this.registeredArguments.length ? args : []
      ).join(" ");
    }
    this._usage = str;
    return this;
  }
  /**
   * Get or set the name of the command.
   *
   * @param {string} [str]
   * @return {(string|Command)}
   */
  name(str) {
    if (str === void 0) return this._name;
    this._name = str;
    return this;
  }
  /**
   * Set/get the help group heading for this subcommand in parent command's help.
   *
   * @param {string} [heading]
   * @return {Command | string}
   */
  helpGroup(heading) {
    if (heading === void 0) return this._helpGroupHeading ?? "";
    this._helpGroupHeading = heading;
    return this;
  }
  /**
   * Set/get the default help group heading for subcommands added to this command.
   * (This does not override a group set directly on the subcommand using .helpGroup().)
   *
   * @example
   * program.commandsGroup('Development Commands:');
   * program.command('watch')...
   * program.command('lint')...
   * ...
   *
   * @param {string} [heading]
   * @returns {Command | string}
   */
  commandsGroup(heading) {
    if (heading === void 0) return this._defaultCommandGroup ?? "";
    this._defaultCommandGroup = heading;
    return this;
  }
  /**
   * Set/get the default help group heading for options added to this command.
   * (This does not override a group set directly on the option using .helpGroup().)
   *
   * @example
   * program
   *   .optionsGroup('Development Options:')
   *   .option('-d, --debug', 'output extra debugging')
   *   .option('-p, --profile', 'output profiling information')
   *
   * @param {string} [heading]
   * @returns {Command | string}
   */
  optionsGroup(heading) {
    if (heading === void 0) return this._defaultOptionGroup ?? "";
    this._defaultOptionGroup = heading;
    return this;
  }
  /**
   * @param {Option} option
   * @private
   */
  _initOptionGroup(option) {
    if (this._defaultOptionGroup && !option.helpGroupHeading)
      option.helpGroup(this._defaultOptionGroup);
  }
  /**
   * @param {Command} cmd
   * @private
   */
  _initCommandGroup(cmd) {
    if (this._defaultCommandGroup && !cmd.helpGroup())
      cmd.helpGroup(this._defaultCommandGroup);
  }
  /**
   * Set the name of the command from script filename, such as process.argv[1],
   * or import.meta.filename.
   *
   * (Used internally and public although not documented in README.)
   *
   * @example
   * program.nameFromFilename(import.meta.filename);
   *
   * @param {string} filename
   * @return {Command}
   */
  nameFromFilename(filename) {
    this._name = path.basename(filename, path.extname(filename));
    return this;
  }
  /**
   * Get or set the directory for searching for executable subcommands of this command.
   *
   * @example
   * program.executableDir(import.meta.dirname);
   * // or
   * program.executableDir('subcommands');
   *
   * @param {string} [path]
   * @return {(string|null|Command)}
   */
  executableDir(path2) {
    if (path2 === void 0) return this._executableDir;
    this._executableDir = path2;
    return this;
  }
  /**
   * Return program help documentation.
   *
   * @param {{ error: boolean }} [contextOptions] - pass {error:true} to wrap for stderr instead of stdout
   * @return {string}
   */
  helpInformation(contextOptions) {
    const helper = this.createHelp();
    const context = this._getOutputContext(contextOptions);
    helper.prepareContext({
      error: context.error,
      helpWidth: context.helpWidth,
      outputHasColors: context.hasColors
    });
    const text2 = helper.formatHelp(this, helper);
    if (context.hasColors) return text2;
    return this._outputConfiguration.stripColor(text2);
  }
  /**
   * @typedef HelpContext
   * @type {object}
   * @property {boolean} error
   * @property {number} helpWidth
   * @property {boolean} hasColors
   * @property {function} write - includes stripColor if needed
   *
   * @returns {HelpContext}
   * @private
   */
  _getOutputContext(contextOptions) {
    contextOptions = contextOptions || {};
    const error = !!contextOptions.error;
    let baseWrite;
    let hasColors;
    let helpWidth;
    if (error) {
      baseWrite = (str) => this._outputConfiguration.writeErr(str);
      hasColors = this._outputConfiguration.getErrHasColors();
      helpWidth = this._outputConfiguration.getErrHelpWidth();
    } else {
      baseWrite = (str) => this._outputConfiguration.writeOut(str);
      hasColors = this._outputConfiguration.getOutHasColors();
      helpWidth = this._outputConfiguration.getOutHelpWidth();
    }
    const write2 = (str) => {
      if (!hasColors) str = this._outputConfiguration.stripColor(str);
      return baseWrite(str);
    };
    return { error, write: write2, hasColors, helpWidth };
  }
  /**
   * Output help information for this command.
   *
   * Outputs built-in help, and custom text added using `.addHelpText()`.
   *
   * @param {{ error: boolean } | Function} [contextOptions] - pass {error:true} to write to stderr instead of stdout
   */
  outputHelp(contextOptions) {
    let deprecatedCallback;
    if (typeof contextOptions === "function") {
      deprecatedCallback = contextOptions;
      contextOptions = void 0;
    }
    const outputContext = this._getOutputContext(contextOptions);
    const eventContext = {
      error: outputContext.error,
      write: outputContext.write,
      command: this
    };
    this._getCommandAndAncestors().reverse().forEach((command) => command.emit("beforeAllHelp", eventContext));
    this.emit("beforeHelp", eventContext);
    let helpInformation = this.helpInformation({ error: outputContext.error });
    if (deprecatedCallback) {
      helpInformation = deprecatedCallback(helpInformation);
      if (typeof helpInformation !== "string" && !Buffer.isBuffer(helpInformation)) {
        throw new Error("outputHelp callback must return a string or a Buffer");
      }
    }
    outputContext.write(helpInformation);
    if (this._getHelpOption()?.long) {
      this.emit(this._getHelpOption().long);
    }
    this.emit("afterHelp", eventContext);
    this._getCommandAndAncestors().forEach(
      (command) => command.emit("afterAllHelp", eventContext)
    );
  }
  /**
   * You can pass in flags and a description to customise the built-in help option.
   * Pass in false to disable the built-in help option.
   *
   * @example
   * program.helpOption('-?, --help', 'show help'); // customise
   * program.helpOption(false); // disable
   *
   * @param {(string | boolean)} flags
   * @param {string} [description]
   * @return {Command} `this` command for chaining
   */
  helpOption(flags, description) {
    if (typeof flags === "boolean") {
      if (flags) {
        if (this._helpOption === null) this._helpOption = void 0;
        if (this._defaultOptionGroup) {
          this._initOptionGroup(this._getHelpOption());
        }
      } else {
        this._helpOption = null;
      }
      return this;
    }
    this._helpOption = this.createOption(
      flags ?? "-h, --help",
      description ?? "display help for command"
    );
    if (flags || description) this._initOptionGroup(this._helpOption);
    return this;
  }
  /**
   * Lazy create help option.
   * Returns null if has been disabled with .helpOption(false).
   *
   * @returns {(Option | null)} the help option
   * @package
   */
  _getHelpOption() {
    if (this._helpOption === void 0) {
      this.helpOption(void 0, void 0);
    }
    return this._helpOption;
  }
  /**
   * Supply your own option to use for the built-in help option.
   * This is an alternative to using helpOption() to customise the flags and description etc.
   *
   * @param {Option} option
   * @return {Command} `this` command for chaining
   */
  addHelpOption(option) {
    this._helpOption = option;
    this._initOptionGroup(option);
    return this;
  }
  /**
   * Output help information and exit.
   *
   * Outputs built-in help, and custom text added using `.addHelpText()`.
   *
   * @param {{ error: boolean }} [contextOptions] - pass {error:true} to write to stderr instead of stdout
   */
  help(contextOptions) {
    this.outputHelp(contextOptions);
    let exitCode = Number(process2.exitCode ?? 0);
    if (exitCode === 0 && contextOptions && typeof contextOptions !== "function" && contextOptions.error) {
      exitCode = 1;
    }
    this._exit(exitCode, "commander.help", "(outputHelp)");
  }
  /**
   * // Do a little typing to coordinate emit and listener for the help text events.
   * @typedef HelpTextEventContext
   * @type {object}
   * @property {boolean} error
   * @property {Command} command
   * @property {function} write
   */
  /**
   * Add additional text to be displayed with the built-in help.
   *
   * Position is 'before' or 'after' to affect just this command,
   * and 'beforeAll' or 'afterAll' to affect this command and all its subcommands.
   *
   * @param {string} position - before or after built-in help
   * @param {(string | Function)} text - string to add, or a function returning a string
   * @return {Command} `this` command for chaining
   */
  addHelpText(position, text2) {
    const allowedValues = ["beforeAll", "before", "after", "afterAll"];
    if (!allowedValues.includes(position)) {
      throw new Error(`Unexpected value for position to addHelpText.
Expecting one of '${allowedValues.join("', '")}'`);
    }
    const helpEvent = `${position}Help`;
    this.on(helpEvent, (context) => {
      let helpStr;
      if (typeof text2 === "function") {
        helpStr = text2({ error: context.error, command: context.command });
      } else {
        helpStr = text2;
      }
      if (helpStr) {
        context.write(`${helpStr}
`);
      }
    });
    return this;
  }
  /**
   * Output help information if help flags specified
   *
   * @param {Array} args - array of options to search for help flags
   * @private
   */
  _outputHelpIfRequested(args) {
    const helpOption = this._getHelpOption();
    const helpRequested = helpOption && args.find((arg) => helpOption.is(arg));
    if (helpRequested) {
      this.outputHelp();
      this._exit(0, "commander.helpDisplayed", "(outputHelp)");
    }
  }
};
function incrementNodeInspectorPort(args) {
  return args.map((arg) => {
    if (!arg.startsWith("--inspect")) {
      return arg;
    }
    let debugOption;
    let debugHost = "127.0.0.1";
    let debugPort = "9229";
    let match;
    if ((match = arg.match(/^(--inspect(-brk|-wait)?)$/)) !== null) {
      debugOption = match[1];
    } else if ((match = arg.match(
      /^(--inspect(-brk|-port|-wait)?)=(\[[^\]]+\]|[^:]+)$/
    )) !== null) {
      debugOption = match[1];
      if (/^\d+$/.test(match[3])) {
        debugPort = match[3];
      } else {
        debugHost = match[3];
      }
    } else if ((match = arg.match(
      /^(--inspect(-brk|-port|-wait)?)=(\[[^\]]+\]|[^:]+):(\d+)$/
    )) !== null) {
      debugOption = match[1];
      debugHost = match[3];
      debugPort = match[4];
    }
    if (debugOption && debugPort !== "0") {
      return `${debugOption}=${debugHost}:${parseInt(debugPort) + 1}`;
    }
    return arg;
  });
}
function useColor() {
  if (process2.env.NO_COLOR || process2.env.FORCE_COLOR === "0" || process2.env.FORCE_COLOR === "false")
    return false;
  if (process2.env.FORCE_COLOR || process2.env.CLICOLOR_FORCE !== void 0)
    return true;
  return void 0;
}

// node_modules/commander/index.js
var program = new Command();

// src/cli/error.ts
var CliError = class extends Error {
  code;
  hint;
  /** The status of the registry's answer, if there was one. */
  status;
  faults;
  exitCode;
  constructor(message, options = {}) {
    super(message, { cause: options.cause });
    this.name = "CliError";
    this.code = options.code ?? "FAILED";
    this.hint = options.hint ?? null;
    this.status = options.status;
    this.faults = options.faults ?? [];
    this.exitCode = options.exitCode ?? null;
  }
};
var UsageError = class extends CliError {
  constructor(message, hint) {
    super(message, { code: "USAGE", hint });
    this.name = "UsageError";
  }
};
async function hinted(answer, status, hint) {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof CliError) || error.status !== status) throw error;
    const { message, code, faults } = error;
    throw new CliError(message, { code, hint, status, faults, cause: error });
  }
}

// src/cli/text-width.ts
var WIDE = /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\u3000-\u303E\uFF01-\uFF60\uFFE0-\uFFE6]/u;
var ZERO = /^[\p{Mn}\p{Me}\p{Cf}]/u;
var ELLIPSIS = "…";
var graphemes = new Intl.Segmenter();
function widthOf(text2) {
  let width = 0;
  for (const { segment } of graphemes.segment(text2)) width += widthOfGrapheme(segment);
  return width;
}
function truncated(text2, width) {
  if (widthOf(text2) <= width) return text2;
  let kept = "";
  let left = width - ELLIPSIS.length;
  for (const { segment } of graphemes.segment(text2)) {
    left -= widthOfGrapheme(segment);
    if (left < 0) break;
    kept += segment;
  }
  return kept + ELLIPSIS;
}
function padded(text2, width) {
  return text2 + " ".repeat(Math.max(0, width - widthOf(text2)));
}
function wrapped(text2, width) {
  const lines = [];
  let line = "";
  for (const word of text2.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && widthOf(longer) > width) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return [...lines, line];
}
function widthOfGrapheme(grapheme) {
  if (ZERO.test(grapheme)) return 0;
  return WIDE.test(grapheme) ? 2 : 1;
}

// src/cli/sentence.ts
var JOINT = " ";
function copyable(text2) {
  return text2.replaceAll(" ", JOINT);
}
function unjoined(text2) {
  return text2.replaceAll(JOINT, " ");
}
function laidOut(text2, width) {
  if (width === null) return unjoined(text2);
  const lines = text2.split("\n").flatMap((line) => {
    if (widthOf(line) <= width) return line;
    const [indent = ""] = /^ */.exec(line) ?? [];
    const hanging = indent === "" ? "" : `${indent}  `;
    const [first = "", ...rest] = wrapped(line.slice(indent.length), width - hanging.length);
    return [indent + first, ...rest.map((one) => hanging + one)];
  });
  return unjoined(lines.join("\n"));
}
var DEFAULT_COLUMNS = 80;
function columnsOf(stream) {
  return stream.isTTY ? stream.columns || DEFAULT_COLUMNS : null;
}

// src/cli/command.ts
var SlipwayCommand = class _SlipwayCommand extends Command {
  createCommand(name) {
    return new _SlipwayCommand(name);
  }
  /** A group without a command says which ones it has; the whole program shows its help. */
  help(context) {
    if (typeof context === "function") return super.help(context);
    if (context?.error !== true || this.parent === null) return super.help(context);
    const names = this.commands.map((command) => command.name()).filter((name) => name !== "help");
    const hint = `${copyable(`${pathOf(this)} --help`)} says what each does`;
    throw new UsageError(`which command of ${pathOf(this)}? ${names.join(", ")}`, hint);
  }
  error(message) {
    const text2 = message.replace(/^error: /, "").replace(
      /^command-argument value '(.*?)' is invalid for argument '(.*?)'\. /,
      '<$2> cannot be "$1". '
    );
    throw new UsageError(text2, `${copyable(`${pathOf(this)} --help`)} says how it is used`);
  }
};
function pathOf(command) {
  const { parent } = command;
  return parent === null ? command.name() : `${pathOf(parent)} ${command.name()}`;
}

// src/cli/proxy/command.ts
import { randomBytes } from "node:crypto";
import { once as once3 } from "node:events";
import { setFlagsFromString } from "node:v8";

// src/cli/remote/basic.ts
function basic({
  user,
  password
}) {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

// src/cli/network-reason.ts
var NO_TLS = "it does not speak https there; if it speaks http, write http://HOST";
var REASONS = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "there is no host of that name",
  EAI_AGAIN: "its name cannot be looked up now; is there a network?",
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS
};
function networkReasonOf(error) {
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== void 0) return networkReasonOf(error.cause);
  const { code = "" } = error;
  if (code === "EPROTO" && /wrong version number|packet length/.test(error.message)) return NO_TLS;
  return REASONS[code] ?? (error.message === "" ? code || error.name : error.message);
}

// src/cli/remote/unreachable.ts
function unreachable(origin, error) {
  const message = `cannot reach ${origin}: ${networkReasonOf(error)}`;
  return new CliError(message, { code: "UNREACHABLE", cause: error });
}

// src/cli/api.ts
var PASSWORD_HINT = `Give the password with this command: ${copyable("-u USER")} at a terminal, ${copyable("-u USER --password-stdin")} in a script. Or log in once with ${copyable("--expires never")}.`;
function refusalIn(body) {
  try {
    const { detail, title, code, errors } = JSON.parse(body);
    const faults = Array.isArray(errors) ? errors : [];
    const [first] = faults;
    const reasons = faults.flatMap(({ field = "", message = "" }) => {
      if (message === "" || detail?.includes(message) === true) return [];
      return field === "" ? message : `${field}: ${message}`;
    });
    const said = [detail ?? [], reasons].flat();
    const sentence = said.length === 0 ? title : said.join("; ");
    return { sentence, code: code ?? first?.code, faults };
  } catch (error) {
    if (error instanceof SyntaxError) return void 0;
    throw error;
  }
}

// src/cli/config.ts
import { mkdir, readFile as readFile2, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";

// src/cli/file.ts
import { readFile } from "node:fs/promises";
var REASONS2 = {
  ENOSPC: "the disk is full",
  EROFS: "the disk can only be read",
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
  EISDIR: "it is a folder",
  EACCES: "you are not allowed to",
  EPERM: "you are not allowed to"
};
async function readTextFile(file) {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const { code = "FAILED" } = error;
    throw new CliError(`cannot read ${file}: ${reasonOf(error)}`, { code, cause: error });
  }
}
function reasonOf(error) {
  const { code = "", message } = error;
  return REASONS2[code] ?? message;
}

// src/cli/config.ts
var EMPTY = { current: null, logins: {} };
function configFile() {
  const given = process.env["XDG_CONFIG_HOME"] ?? "";
  return join(isAbsolute(given) ? given : join(homedir(), ".config"), "slipway", "config.json");
}
async function readConfig() {
  const file = configFile();
  try {
    const { current, logins } = JSON.parse(await readFile2(file, "utf8"));
    return { current: current ?? null, logins: logins ?? {} };
  } catch (error) {
    if (error.code === "ENOENT") return EMPTY;
    const isBroken = error instanceof SyntaxError;
    const why = isBroken ? "it is no JSON; delete it and log in again" : reasonOf(error);
    throw new CliError(`cannot read ${file}: ${why}`, { cause: error });
  }
}

// src/cli/table.ts
import { styleText } from "node:util";

// src/cli/terminal.ts
var UNSAFE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\u206A-\u206F\uFEFF\uFFF9-\uFFFB\u{E0000}-\u{E007F}]/gu;
var UNSAFE_IN_LINES = new RegExp(String.raw`(?![\n\t])${UNSAFE.source}`, "gu");
var SUBSTITUTE = "�";
function plain(text2) {
  return text2.replaceAll(/[^\S\u00A0]+/g, " ").replaceAll(UNSAFE, SUBSTITUTE);
}
function plainLines(text2) {
  return text2.replaceAll("\r\n", "\n").replaceAll(UNSAFE_IN_LINES, SUBSTITUTE);
}
function plainJson(json3) {
  return json3.replaceAll(UNSAFE_IN_LINES, escaped);
}
function escaped(character) {
  const units = Array.from({ length: character.length }, (_, i) => character.charCodeAt(i));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}

// src/cli/table.ts
var WHOLE = { width: null, isColoured: false };
var Shown = class {
  text;
  constructor(text2) {
    this.text = text2;
  }
};
var GAP = 2;
var MIN_WIDTH = 8;
function table(items, given, view = WHOLE) {
  const columns = Object.entries(given).flatMap(([title2, column]) => {
    const whole = typeof column === "function" ? { value: column } : column;
    if (view.width === null) return { title: title2, ...whole };
    return whole.isDetail === true ? [] : { title: whole.shortTitle ?? title2, ...whole };
  });
  const rows = items.map(
    (item) => columns.map(({ value, short = value }) => plain((view.width === null ? value : short)(item)))
  );
  const natural = columns.map(
    ({ title: title2 }, i) => Math.max(widthOf(title2), ...rows.map((row) => widthOf(row[i] ?? "")))
  );
  const isFlexible = columns.map(({ isFixed }) => isFixed !== true);
  const widths = view.width === null ? natural : fitted(natural, isFlexible, view.width);
  const line = (cells, styles2) => cells.map((cell, i) => {
    const width = widths[i] ?? 0;
    const text2 = truncated(cell, width);
    const filled = i === cells.length - 1 ? text2 : padded(text2, width);
    const style = styles2[i] ?? null;
    return style === null || !view.isColoured ? filled : styled(style, filled);
  }).join(" ".repeat(GAP)).trimEnd();
  const title = line(
    columns.map((column) => column.title),
    columns.map(() => "bold")
  );
  const body = items.map(
    (item, at) => line(
      rows[at] ?? [],
      columns.map(({ style }) => style?.(item) ?? null)
    )
  );
  return new Shown([title, ...body].join("\n"));
}
function fitted(natural, isFlexible, width) {
  const widths = [...natural];
  const room = width - GAP * (widths.length - 1);
  let excess = widths.reduce((sum, one) => sum + one, 0) - room;
  while (excess > 0) {
    const widest = Math.max(...widths.filter((_, i) => isFlexible[i]));
    if (widest <= MIN_WIDTH) break;
    widths[widths.findLastIndex((one, i) => one === widest && isFlexible[i] === true)] = widest - 1;
    excess--;
  }
  return widths;
}
function details(values, view = WHOLE) {
  const rows = Object.entries(values).filter(([, value]) => value !== "");
  const names = Math.max(0, ...rows.map(([name]) => widthOf(name)));
  const indent = names + GAP;
  const lines = rows.map(([name, value]) => {
    const safe = plain(value);
    const room = view.width === null ? Infinity : Math.max(MIN_WIDTH, view.width - indent);
    const label = view.isColoured ? styled("bold", padded(name, indent)) : padded(name, indent);
    return label + wrapped(safe, room).join(`
${" ".repeat(indent)}`);
  });
  return new Shown(lines.join("\n"));
}
function styled(style, text2) {
  return styleText(style, text2, { validateStream: false });
}

// src/cli/output.ts
var Output = class {
  #json;
  view;
  constructor(command) {
    const { json: json3, wide } = command.optsWithGlobals();
    this.#json = json3 === true;
    this.view = viewOf(process.stdout, wide === true);
  }
  get isJson() {
    return this.#json;
  }
  /** Prints an answer, or what it means, in paragraphs. */
  answer(answer, ...paragraphs) {
    if (this.#json) printJson(answer);
    else print(...paragraphs);
  }
  table(items, columns) {
    return table(items, columns, this.view);
  }
  details(values) {
    return details(values, this.view);
  }
  /** A title over what was laid out already. */
  titled(title, text2) {
    return new Shown(`${this.view.isColoured ? styled("bold", title) : title}
${text2}`);
  }
  async list({ items, columns, none }) {
    const all = await Array.fromAsync(items);
    if (this.#json) printJson({ items: all, next: null });
    else print(all.length === 0 ? none : this.table(all, columns));
  }
};
function viewOf(stdout, wide) {
  if (!stdout.isTTY) return WHOLE;
  const width = wide ? null : columnsOf(stdout);
  return { width, isColoured: stdout.hasColors() };
}
function print(...paragraphs) {
  const columns = columnsOf(process.stdout);
  const texts = paragraphs.map(
    (one) => one instanceof Shown ? one.text : laidOut(plainLines(one), columns)
  );
  process.stdout.write(`${texts.filter((text2) => text2 !== "").join("\n\n")}
`);
}
function printJson(value) {
  process.stdout.write(`${plainJson(JSON.stringify(value, null, 2))}
`);
}
function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(Math.floor(Math.log2(Math.max(count, 1)) / 10), units.length - 1);
  const amount = count / 1024 ** power;
  return `${power === 0 ? amount : amount.toFixed(1)} ${units[power]}`;
}
function shortDigest(digest) {
  const [algorithm = "", hex = ""] = digest.split(":");
  return `${algorithm}:${hex.slice(0, 12)}`;
}
var MINUTE_MS = 6e4;
var HOUR_MS = 60 * MINUTE_MS;
var DAY_MS = 24 * HOUR_MS;

// src/cli/report.ts
import { inspect } from "node:util";
var USAGE_EXIT = 2;
var isJson = wantsJson(process.argv.slice(2));
function wantsJson(args) {
  const end = args.indexOf("--");
  return args.slice(0, end === -1 ? args.length : end).includes("--json");
}
var write = console.error;
function writeBy(drawer) {
  write = drawer ?? console.error;
}
function warn(text2) {
  if (isJson) writeJson({ warning: unjoined(text2) });
  else say("slipway: warning:", plain(text2), "yellow");
}
function report(error) {
  if (isJson) writeJson({ error: jsonOf(error) });
  else {
    const { message, hint } = textOf(error);
    say("slipway:", message, "red");
    if (hint !== null) say("", plain(hint));
  }
  if (!(error instanceof CliError)) return 1;
  const { code, status, exitCode } = error;
  return exitCode ?? (code === "USAGE" || status === 400 ? USAGE_EXIT : 1);
}
function textOf(error) {
  const known = knownError(error);
  if (known !== null) return { message: plain(known.message), hint: known.hint };
  return { message: plainLines(inspect(error)), hint: null };
}
function jsonOf(error) {
  const known = knownError(error);
  if (known === null) return { code: "BUG", message: inspect(error), hint: null, status: null };
  const { code, message, hint, status, faults } = known;
  const errors = faults.length === 0 ? {} : { errors: faults };
  const words = { message: unjoined(message), hint: hint === null ? null : unjoined(hint) };
  return { code, ...words, status: status ?? null, ...errors };
}
function knownError(error) {
  if (error instanceof CliError) return error;
  const { code, syscall } = error;
  if (!(error instanceof Error) || code === void 0 || syscall === void 0) return null;
  return new CliError(`cannot ${syscall}: ${reasonOf(error)}`, { code, cause: error });
}
function writeJson(value) {
  process.stderr.write(`${plainJson(JSON.stringify(value))}
`);
}
function say(label, text2, style) {
  const { stderr } = process;
  const shown2 = laidOut(`${label} ${text2}`.trimStart(), columnsOf(stderr));
  const isColoured = style !== void 0 && stderr.isTTY && stderr.hasColors();
  write(isColoured ? styled(style, label) + shown2.slice(label.length) : shown2);
}

// src/cli/registry-url.ts
var LOCAL = /^(localhost|127\.0\.0\.1|\[::1\])$/;
function parseRegistry(text2) {
  const given = text2.trim();
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(given)?.[1]?.toLowerCase();
  if (scheme !== void 0 && scheme !== "http" && scheme !== "https") throw invalid(text2);
  const url = URL.parse(scheme === void 0 ? `https://${given}` : given);
  if (url === null || url.hostname === "") throw invalid(text2);
  const extras = [url.username, url.password, url.search, url.hash].join("");
  if (extras !== "" || url.pathname !== "/") throw invalid(text2);
  if (scheme === void 0 && LOCAL.test(url.hostname)) return parseRegistry(`http://${given}`);
  return url.origin;
}
function invalid(text2) {
  return new CliError(
    `"${text2}" is no registry: name its host, such as registry.example.com or localhost:8787`
  );
}

// src/cli/connection.ts
async function registryOf(command, argument) {
  const registry = await namedRegistry(command, argument);
  if (registry !== null) return registry;
  throw new CliError("which registry?", {
    code: "NO_REGISTRY",
    hint: `Log in (${copyable("slipway login HOST")}), or give --registry or SLIPWAY_REGISTRY.`
  });
}
async function namedRegistry(command, argument) {
  const { registry } = command.optsWithGlobals();
  const named = argument ?? registry;
  if (named !== void 0) return parseRegistry(named);
  return namedByEnvironment() ?? (await readConfig()).current;
}
function namedByEnvironment() {
  const named = process.env["SLIPWAY_REGISTRY"];
  return named ? parseRegistry(named) : void 0;
}

// src/cli/remote/backoff.ts
import { setTimeout as sleep } from "node:timers/promises";

// src/cli/remote/retry-after.ts
function retryAfterMs(header) {
  if (header === void 0) return null;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1e3;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - Date.now());
}

// src/cli/remote/backoff.ts
var MAX_TRIES = 14;
var FIRST_WAIT_MS = 250;
var MAX_WAIT_MS = 2e4;
var MAX_RETRY_AFTER_MS = 6e4;
var RETRYABLE = /* @__PURE__ */ new Set([408, 429]);
var LASTING = /* @__PURE__ */ new Set([501, 505]);
function isRetryable({ status }) {
  return RETRYABLE.has(status) || status >= 500 && !LASTING.has(status);
}
async function waitToRetry(failed, signal) {
  const { result, failures } = failed;
  const ownMs = grownMs(failures) * (0.5 + Math.random() / 2);
  const asked = result instanceof Error ? void 0 : result.headers["retry-after"];
  const waitMs = Math.max(ownMs, Math.min(retryAfterMs(asked) ?? 0, MAX_RETRY_AFTER_MS));
  tell(failed, waitMs);
  await sleep(waitMs, void 0, { signal });
}
function grownMs(failures) {
  return Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), MAX_WAIT_MS);
}
var LEAST_TOLD_MS = 1500;
var toldUntil = /* @__PURE__ */ new Map();
function tell({ origin, result, failures, maxTries }, waitMs) {
  const now = Date.now();
  if (waitMs < LEAST_TOLD_MS || now < (toldUntil.get(origin) ?? 0)) return;
  toldUntil.set(origin, now + waitMs);
  let leftMs = waitMs;
  for (let next = failures + 1; next < maxTries; next++) leftMs += grownMs(next) * 0.75;
  const what = result instanceof Error ? `does not answer (${networkReasonOf(result)})` : `answered ${result.status}`;
  const [wait, left] = [waitMs, leftMs].map((ms) => Math.round(ms / 1e3));
  const end = failures + 1 === maxTries ? "for the last time" : `giving up in about ${left} s`;
  warn(`${origin} ${what}; trying again in ${wait} s, ${end}`);
}

// src/cli/remote/retry.ts
var TRIES = 6;
var PASSING = /* @__PURE__ */ new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "EPIPE",
  "ETIMEDOUT",
  "EAI_AGAIN",
  "ENETUNREACH"
]);
async function retried(origin, send2, { signal, maxRetryAfterMs = Infinity } = {}) {
  for (let failures = 1; ; failures++) {
    const result = await attempt(send2);
    signal?.throwIfAborted();
    if (result instanceof Error) {
      if (failures === TRIES || !isPassing(result)) throw result;
    } else {
      const asked = retryAfterMs(result.headers["retry-after"]) ?? 0;
      if (failures === TRIES || !isRetryable(result) || asked > maxRetryAfterMs) return result;
      result.body.resume();
    }
    await waitToRetry({ origin, result, failures, maxTries: TRIES }, signal);
  }
}
async function reached(origin, send2, signal) {
  try {
    return await retried(origin, send2, { signal });
  } catch (error) {
    throw isNetworkError(error) ? unreachable(origin, error) : error;
  }
}
async function attempt(send2) {
  try {
    return await send2();
  } catch (error) {
    if (isNetworkError(error)) return error;
    throw error;
  }
}
function isNetworkError(error) {
  const { code, name } = error;
  if (!(error instanceof Error) || name === "CliError" || name === "AbortError") return false;
  return code !== void 0;
}
function isPassing(error) {
  return PASSING.has(error.code ?? "");
}

// src/cli/remote/upstream.ts
import http from "node:http";
import https from "node:https";
import { Readable } from "node:stream";

// src/cli/remote/pieces.ts
function lengthOf(pieces) {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}
function firstOf(pieces, count) {
  let left = count;
  return pieces.flatMap((piece) => {
    const taken = Math.min(left, piece.length);
    left -= taken;
    return taken === 0 ? [] : [piece.subarray(0, taken)];
  });
}
function withoutFirst(pieces, count) {
  let left = count;
  return pieces.flatMap((piece) => {
    const dropped = Math.min(left, piece.length);
    left -= dropped;
    return dropped === piece.length ? [] : [piece.subarray(dropped)];
  });
}

// src/cli/remote/upstream.ts
var IDLE_MS = 12e4;
var Upstream = class _Upstream {
  /** Such as "https://registry.example.com". */
  origin;
  #url;
  #authorize;
  #agent;
  /** @param agent the connections of another one for the same registry */
  constructor(origin, authorize = null, agent) {
    this.origin = origin;
    this.#url = new URL(origin);
    this.#authorize = authorize;
    const { Agent } = this.#url.protocol === "https:" ? https : http;
    this.#agent = agent ?? new Agent({ keepAlive: true, proxyEnv: process.env });
  }
  /** The same registry with this header, as it was given by somebody else, over the same connections. */
  as(authorization) {
    const given = (_, challenge) => Promise.resolve(challenge === null ? authorization : null);
    return new _Upstream(this.origin, given, this.#agent);
  }
  /**
   * Sends a request, and once more with fresh credentials where the first try got 401. Follows no redirect.
   * @throws the system's error where no answer came
   */
  async request(asked) {
    const { scopes = [] } = asked;
    const first = await this.#send(asked, await this.#authorize?.(scopes, null) ?? null);
    const challenge = first.headers["www-authenticate"];
    if (this.#authorize === null || first.status !== 401 || !challenge) return first;
    if (!isReplayable(asked)) return first;
    const fresh = await this.#authorize(scopes, challenge);
    if (fresh === null) return first;
    first.body.resume();
    return this.#send(asked, fresh);
  }
  /** Closes the connections that are idle. */
  close() {
    this.#agent.destroy();
  }
  async #send(asked, authorization) {
    const sent = this.#open(asked, authorization);
    try {
      return await answered(sent, asked.body ?? null);
    } catch (error) {
      const isStale = sent.reusedSocket && error.code === "ECONNRESET";
      if (!isStale || !isReplayable(asked) || asked.signal?.aborted === true) throw error;
      return answered(this.#open(asked, authorization), asked.body ?? null);
    }
  }
  #open({ method, path: path2, headers, body, signal }, authorization) {
    const { protocol, hostname, port } = this.#url;
    const { request } = protocol === "https:" ? https : http;
    return request({
      agent: this.#agent,
      // An IPv6 address has brackets in a URL, and none here.
      hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
      port,
      method,
      path: path2,
      headers: {
        ...headers,
        ...framing(body ?? null),
        ...authorization === null ? {} : { authorization }
      },
      timeout: IDLE_MS,
      ...signal === void 0 ? {} : { signal }
    });
  }
};
function framing(body) {
  if (body === null) return {};
  if (!("stream" in body)) return { "content-length": lengthOf(body) };
  return body.bytes === null ? { "transfer-encoding": "chunked" } : { "content-length": body.bytes };
}
function answered(sent, body) {
  const { promise, resolve, reject } = Promise.withResolvers();
  let response = null;
  sent.once("response", (answer) => {
    response = answer;
    const { statusCode: status = 0, headers } = answer;
    answer.once("end", () => sent.writableFinished || sent.destroy());
    resolve({ status, headers, body: answer });
  });
  sent.on("error", reject);
  sent.on("timeout", () => {
    if ((response?.readableLength ?? 0) > 0) sent.setTimeout(IDLE_MS);
    else sent.destroy(timedOut());
  });
  if (body === null) sent.end();
  else {
    const source = "stream" in body ? body.stream : Readable.from(body, { objectMode: false });
    source.once("error", (error) => sent.destroy(error));
    source.pipe(sent);
  }
  return promise;
}
function timedOut() {
  return Object.assign(new Error(`nothing moved for ${IDLE_MS / 1e3} s`), { code: "ETIMEDOUT" });
}
function isReplayable({ body }) {
  return body == null || !("stream" in body);
}

// src/cli/remote/challenge.ts
var PIECE = /\s*(?:,|([\w!#$%&'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([\w!#$%&'*+.^`|~-]+))/gy;
function parseChallenges(header) {
  const found = [];
  for (const [, name, quoted, bare = "", scheme] of header.matchAll(PIECE)) {
    if (scheme !== void 0) found.push({ scheme: scheme.toLowerCase(), parameters: {} });
    if (name === void 0) continue;
    const value = quoted?.replaceAll(/\\(.)/g, "$1") ?? bare;
    const last = found.at(-1);
    if (last !== void 0) last.parameters[name.toLowerCase()] = value;
  }
  return found;
}

// src/cli/remote/token-service.ts
import { json } from "node:stream/consumers";

// node_modules/valibot/dist/index.mjs
var store$4;
var DEFAULT_CONFIG = {
  lang: void 0,
  message: void 0,
  abortEarly: void 0,
  abortPipeEarly: void 0
};
// @__NO_SIDE_EFFECTS__
function getGlobalConfig(config$1) {
  if (!config$1 && !store$4) return DEFAULT_CONFIG;
  return {
    lang: config$1?.lang ?? store$4?.lang,
    message: config$1?.message,
    abortEarly: config$1?.abortEarly ?? store$4?.abortEarly,
    abortPipeEarly: config$1?.abortPipeEarly ?? store$4?.abortPipeEarly
  };
}
var store$3;
// @__NO_SIDE_EFFECTS__
function getGlobalMessage(lang) {
  return store$3?.get(lang);
}
var store$2;
// @__NO_SIDE_EFFECTS__
function getSchemaMessage(lang) {
  return store$2?.get(lang);
}
var store$1;
// @__NO_SIDE_EFFECTS__
function getSpecificMessage(reference, lang) {
  return store$1?.get(reference)?.get(lang);
}
// @__NO_SIDE_EFFECTS__
function _stringify(input) {
  const type = typeof input;
  if (type === "string") return `"${input}"`;
  if (type === "number" || type === "bigint" || type === "boolean") return `${input}`;
  if (type === "object" || type === "function") return (input && Object.getPrototypeOf(input)?.constructor?.name) ?? "null";
  return type;
}
function _addIssue(context, label, dataset, config$1, other) {
  const input = other && "input" in other ? other.input : dataset.value;
  const expected = other?.expected ?? context.expects ?? null;
  const received = other?.received ?? /* @__PURE__ */ _stringify(input);
  const issue = {
    kind: context.kind,
    type: context.type,
    input,
    expected,
    received,
    message: `Invalid ${label}: ${expected ? `Expected ${expected} but r` : "R"}eceived ${received}`,
    requirement: context.requirement,
    path: other?.path,
    issues: other?.issues,
    lang: config$1.lang,
    abortEarly: config$1.abortEarly,
    abortPipeEarly: config$1.abortPipeEarly
  };
  const isSchema = context.kind === "schema";
  const message$1 = other?.message ?? context.message ?? /* @__PURE__ */ getSpecificMessage(context.reference, issue.lang) ?? (isSchema ? /* @__PURE__ */ getSchemaMessage(issue.lang) : null) ?? config$1.message ?? /* @__PURE__ */ getGlobalMessage(issue.lang);
  if (message$1 !== void 0) issue.message = typeof message$1 === "function" ? message$1(issue) : message$1;
  if (isSchema) dataset.typed = false;
  if (dataset.issues) dataset.issues.push(issue);
  else dataset.issues = [issue];
}
// @__NO_SIDE_EFFECTS__
function _isValidObjectKey(object$1, key) {
  return Object.prototype.hasOwnProperty.call(object$1, key) && key !== "__proto__" && key !== "prototype" && key !== "constructor";
}
function _standardSchema(schema) {
  schema["~standard"] = {
    version: 1,
    vendor: "valibot",
    validate: (value$1) => schema["~run"]({ value: value$1 }, /* @__PURE__ */ getGlobalConfig())
  };
  return schema;
}
// @__NO_SIDE_EFFECTS__
function getDotPath(issue) {
  if (issue.path) {
    let key = "";
    for (const item of issue.path) if (typeof item.key === "string" || typeof item.key === "number") if (key) key += `.${item.key}`;
    else key += item.key;
    else return null;
    return key;
  }
  return null;
}
var ValiError = class extends Error {
  /**
  * Creates a Valibot error with useful information.
  *
  * @param issues The error issues.
  */
  constructor(issues) {
    super(issues[0].message);
    this.name = "ValiError";
    this.issues = issues;
  }
};
// @__NO_SIDE_EFFECTS__
function isValiError(error) {
  return error instanceof ValiError;
}
var EMOJI_REGEX = new RegExp("^(?:[\\u{1F1E6}-\\u{1F1FF}]{2}|\\u{1F3F4}[\\u{E0061}-\\u{E007A}]{2}[\\u{E0030}-\\u{E0039}\\u{E0061}-\\u{E007A}]{1,3}\\u{E007F}|(?:\\p{Emoji}\\uFE0F\\u20E3?|\\p{Emoji_Modifier_Base}\\p{Emoji_Modifier}?|(?![\\p{Emoji_Modifier_Base}\\u{1F1E6}-\\u{1F1FF}])\\p{Emoji_Presentation})(?:\\u200D(?:\\p{Emoji}\\uFE0F\\u20E3?|\\p{Emoji_Modifier_Base}\\p{Emoji_Modifier}?|(?![\\p{Emoji_Modifier_Base}\\u{1F1E6}-\\u{1F1FF}])\\p{Emoji_Presentation}))*)+$", "u");
// @__NO_SIDE_EFFECTS__
function check(requirement, message$1) {
  return {
    kind: "validation",
    type: "check",
    reference: check,
    async: false,
    expects: null,
    requirement,
    message: message$1,
    "~run"(dataset, config$1) {
      if (dataset.typed && !this.requirement(dataset.value)) _addIssue(this, "input", dataset, config$1);
      return dataset;
    }
  };
}
// @__NO_SIDE_EFFECTS__
function minLength(requirement, message$1) {
  return {
    kind: "validation",
    type: "min_length",
    reference: minLength,
    async: false,
    expects: `>=${requirement}`,
    requirement,
    message: message$1,
    "~run"(dataset, config$1) {
      if (dataset.typed && dataset.value.length < this.requirement) _addIssue(this, "length", dataset, config$1, { received: `${dataset.value.length}` });
      return dataset;
    }
  };
}
// @__NO_SIDE_EFFECTS__
function minValue(requirement, message$1) {
  return {
    kind: "validation",
    type: "min_value",
    reference: minValue,
    async: false,
    expects: `>=${requirement instanceof Date ? requirement.toJSON() : /* @__PURE__ */ _stringify(requirement)}`,
    requirement,
    message: message$1,
    "~run"(dataset, config$1) {
      if (dataset.typed && !(dataset.value >= this.requirement)) _addIssue(this, "value", dataset, config$1, { received: dataset.value instanceof Date ? dataset.value.toJSON() : /* @__PURE__ */ _stringify(dataset.value) });
      return dataset;
    }
  };
}
// @__NO_SIDE_EFFECTS__
function parseJson(config$1, message$1) {
  return {
    kind: "transformation",
    type: "parse_json",
    reference: parseJson,
    config: config$1,
    message: message$1,
    async: false,
    "~run"(dataset, config$2) {
      try {
        dataset.value = JSON.parse(dataset.value, this.config?.reviver);
      } catch (error) {
        if (error instanceof Error) {
          _addIssue(this, "JSON", dataset, config$2, { received: `"${error.message}"` });
          dataset.typed = false;
        } else throw error;
      }
      return dataset;
    }
  };
}
// @__NO_SIDE_EFFECTS__
function transform(operation) {
  return {
    kind: "transformation",
    type: "transform",
    reference: transform,
    async: false,
    operation,
    "~run"(dataset) {
      dataset.value = this.operation(dataset.value);
      return dataset;
    }
  };
}
// @__NO_SIDE_EFFECTS__
function getFallback(schema, dataset, config$1) {
  return typeof schema.fallback === "function" ? schema.fallback(dataset, config$1) : schema.fallback;
}
// @__NO_SIDE_EFFECTS__
function getDefault(schema, dataset, config$1) {
  return typeof schema.default === "function" ? schema.default(dataset, config$1) : schema.default;
}
// @__NO_SIDE_EFFECTS__
function nullish(wrapped2, default_) {
  return _standardSchema({
    kind: "schema",
    type: "nullish",
    reference: nullish,
    expects: `(${wrapped2.expects} | null | undefined)`,
    async: false,
    wrapped: wrapped2,
    default: default_,
    "~run"(dataset, config$1) {
      if (dataset.value === null || dataset.value === void 0) {
        if (this.default !== void 0) dataset.value = /* @__PURE__ */ getDefault(this, dataset, config$1);
        if (dataset.value === null || dataset.value === void 0) {
          dataset.typed = true;
          return dataset;
        }
      }
      return this.wrapped["~run"](dataset, config$1);
    }
  });
}
// @__NO_SIDE_EFFECTS__
function number(message$1) {
  return _standardSchema({
    kind: "schema",
    type: "number",
    reference: number,
    expects: "number",
    async: false,
    message: message$1,
    "~run"(dataset, config$1) {
      if (typeof dataset.value === "number" && !isNaN(dataset.value)) dataset.typed = true;
      else _addIssue(this, "type", dataset, config$1);
      return dataset;
    }
  });
}
// @__NO_SIDE_EFFECTS__
function object(entries$1, message$1) {
  return _standardSchema({
    kind: "schema",
    type: "object",
    reference: object,
    expects: "Object",
    async: false,
    entries: entries$1,
    message: message$1,
    "~run"(dataset, config$1) {
      const input = dataset.value;
      if (input && typeof input === "object") {
        dataset.typed = true;
        dataset.value = {};
        for (const key in this.entries) {
          const valueSchema = this.entries[key];
          if (key in input || (valueSchema.type === "exact_optional" || valueSchema.type === "optional" || valueSchema.type === "nullish") && valueSchema.default !== void 0) {
            const value$1 = key in input ? input[key] : /* @__PURE__ */ getDefault(valueSchema);
            const valueDataset = valueSchema["~run"]({ value: value$1 }, config$1);
            if (valueDataset.issues) {
              const pathItem = {
                type: "object",
                origin: "value",
                input,
                key,
                value: value$1
              };
              for (const issue of valueDataset.issues) {
                if (issue.path) issue.path.unshift(pathItem);
                else issue.path = [pathItem];
                dataset.issues?.push(issue);
              }
              if (!dataset.issues) dataset.issues = valueDataset.issues;
              if (config$1.abortEarly) {
                dataset.typed = false;
                break;
              }
            }
            if (!valueDataset.typed) dataset.typed = false;
            dataset.value[key] = valueDataset.value;
          } else if (valueSchema.fallback !== void 0) dataset.value[key] = /* @__PURE__ */ getFallback(valueSchema);
          else if (valueSchema.type !== "exact_optional" && valueSchema.type !== "optional" && valueSchema.type !== "nullish") {
            _addIssue(this, "key", dataset, config$1, {
              input: void 0,
              expected: `"${key}"`,
              path: [{
                type: "object",
                origin: "key",
                input,
                key,
                value: input[key]
              }]
            });
            if (config$1.abortEarly) break;
          }
        }
      } else _addIssue(this, "type", dataset, config$1);
      return dataset;
    }
  });
}
// @__NO_SIDE_EFFECTS__
function record(key, value$1, message$1) {
  return _standardSchema({
    kind: "schema",
    type: "record",
    reference: record,
    expects: "Object",
    async: false,
    key,
    value: value$1,
    message: message$1,
    "~run"(dataset, config$1) {
      const input = dataset.value;
      if (input && typeof input === "object") {
        dataset.typed = true;
        dataset.value = {};
        for (const entryKey in input) if (/* @__PURE__ */ _isValidObjectKey(input, entryKey)) {
          const entryValue = input[entryKey];
          const keyDataset = this.key["~run"]({ value: entryKey }, config$1);
          if (keyDataset.issues) {
            const pathItem = {
              type: "object",
              origin: "key",
              input,
              key: entryKey,
              value: entryValue
            };
            for (const issue of keyDataset.issues) {
              issue.path = [pathItem];
              dataset.issues?.push(issue);
            }
            if (!dataset.issues) dataset.issues = keyDataset.issues;
            if (config$1.abortEarly) {
              dataset.typed = false;
              break;
            }
          }
          const valueDataset = this.value["~run"]({ value: entryValue }, config$1);
          if (valueDataset.issues) {
            const pathItem = {
              type: "object",
              origin: "value",
              input,
              key: entryKey,
              value: entryValue
            };
            for (const issue of valueDataset.issues) {
              if (issue.path) issue.path.unshift(pathItem);
              else issue.path = [pathItem];
              dataset.issues?.push(issue);
            }
            if (!dataset.issues) dataset.issues = valueDataset.issues;
            if (config$1.abortEarly) {
              dataset.typed = false;
              break;
            }
          }
          if (!keyDataset.typed || !valueDataset.typed) dataset.typed = false;
          if (keyDataset.typed) dataset.value[keyDataset.value] = valueDataset.value;
        }
      } else _addIssue(this, "type", dataset, config$1);
      return dataset;
    }
  });
}
// @__NO_SIDE_EFFECTS__
function string(message$1) {
  return _standardSchema({
    kind: "schema",
    type: "string",
    reference: string,
    expects: "string",
    async: false,
    message: message$1,
    "~run"(dataset, config$1) {
      if (typeof dataset.value === "string") dataset.typed = true;
      else _addIssue(this, "type", dataset, config$1);
      return dataset;
    }
  });
}
function parse(schema, input, config$1) {
  const dataset = schema["~run"]({ value: input }, /* @__PURE__ */ getGlobalConfig(config$1));
  if (dataset.issues) throw new ValiError(dataset.issues);
  return dataset.value;
}
// @__NO_SIDE_EFFECTS__
function pipe(...pipe$1) {
  return _standardSchema({
    ...pipe$1[0],
    pipe: pipe$1,
    "~run"(dataset, config$1) {
      for (const item of pipe$1) if (item.kind !== "metadata") {
        if (dataset.issues && (item.kind === "schema" || item.kind === "transformation")) {
          dataset.typed = false;
          break;
        }
        if (!dataset.issues || !config$1.abortEarly && !config$1.abortPipeEarly) dataset = item["~run"](dataset, config$1);
      }
      return dataset;
    }
  });
}
// @__NO_SIDE_EFFECTS__
function safeParse(schema, input, config$1) {
  const dataset = schema["~run"]({ value: input }, /* @__PURE__ */ getGlobalConfig(config$1));
  return {
    typed: dataset.typed,
    success: !dataset.issues,
    output: dataset.value,
    issues: dataset.issues
  };
}

// src/cli/remote/credentials.ts
import { readFile as readFile3 } from "node:fs/promises";
import { homedir as homedir2 } from "node:os";
import { join as join2 } from "node:path";

// src/cli/remote/credential-helper.ts
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
var PATIENCE_MS = 6e4;
var NONE = /credentials not found|no credentials server url|no credentials username/i;
var Answer = object({ Username: string(), Secret: string() });
async function fromHelper(name, server) {
  if (!/^[\w.-]+$/.test(name)) throw new CliError(`"${name}" is no credential helper's name`);
  const program3 = `docker-credential-${name}`;
  const { code, said } = await run(program3, server);
  if (code !== 0) {
    if (NONE.test(said)) return null;
    throw new CliError(`${program3} gave no credentials for ${server}: ${said.trim()}`);
  }
  const parsed = safeParse(pipe(string(), parseJson(), Answer), said);
  if (!parsed.success) throw new CliError(`${program3} answered no JSON with Username and Secret`);
  const { Username: user, Secret: password } = parsed.output;
  return password === "" ? null : { user, password };
}
async function run(program3, input) {
  const child = spawn(program3, ["get"], {
    stdio: ["pipe", "pipe", "inherit"],
    timeout: PATIENCE_MS
  });
  child.stdin.on("error", () => void 0);
  const closed2 = once(child, "close");
  child.stdin.end(`${input}
`);
  try {
    const [said, [code]] = await Promise.all([text(child.stdout), closed2]);
    return { code, said };
  } catch (cause) {
    const isMissing2 = cause.code === "ENOENT";
    const why = isMissing2 ? "there is no such program" : cause.message;
    throw new CliError(`cannot run ${program3}, which docker's config names: ${why}`, {
      hint: "Install it, or take it out of docker's config.json (credsStore, credHelpers).",
      cause
    });
  }
}

// src/cli/remote/credentials.ts
var IDENTITY_TOKEN = "<token>";
var HUB_KEY = "https://index.docker.io/v1/";
var HUB_HOSTS = /* @__PURE__ */ new Set(["docker.io", "index.docker.io", "registry-1.docker.io"]);
var Entry = object({
  /** base64 of "user:password". */
  auth: nullish(string(), ""),
  identitytoken: nullish(string(), "")
});
var DockerConfig = object({
  auths: nullish(record(string(), Entry), {}),
  credsStore: nullish(string(), ""),
  credHelpers: nullish(record(string(), string()), {})
});
async function loginCredentials(registry) {
  const { current, logins } = await readConfig();
  const token = process.env["SLIPWAY_TOKEN"]?.trim();
  if (token && (namedByEnvironment() ?? current) === registry) {
    return { user: "", password: token };
  }
  const login = logins[registry];
  return login === void 0 ? null : { user: login.user, password: login.token };
}
async function dockerCredentials(host) {
  const given = process.env["DOCKER_AUTH_CONFIG"];
  if (given) {
    const found = await inConfig(parseConfig(given, "DOCKER_AUTH_CONFIG"), host);
    if (found !== null) return found;
  }
  for (const file of configFiles()) {
    const text2 = await readIfThere(file);
    const found = text2 === null ? null : await inConfig(parseConfig(text2, file), host);
    if (found !== null) return found;
  }
  return null;
}
function configFiles() {
  const { DOCKER_CONFIG, REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR, XDG_CONFIG_HOME } = process.env;
  const home = homedir2();
  return [
    join2(DOCKER_CONFIG || join2(home, ".docker"), "config.json"),
    ...REGISTRY_AUTH_FILE ? [REGISTRY_AUTH_FILE] : [],
    // Where there is no XDG_RUNTIME_DIR, podman and skopeo take what it usually is.
    XDG_RUNTIME_DIR ? join2(XDG_RUNTIME_DIR, "containers", "auth.json") : `/run/containers/${process.getuid?.() ?? 0}/auth.json`,
    join2(XDG_CONFIG_HOME || join2(home, ".config"), "containers", "auth.json")
  ];
}
async function readIfThere(file) {
  try {
    return await readFile3(file, "utf8");
  } catch (error) {
    const { code = "" } = error;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw new CliError(`cannot read ${file}: ${reasonOf(error)}`, { cause: error });
  }
}
function parseConfig(text2, source) {
  try {
    return parse(DockerConfig, JSON.parse(text2));
  } catch (error) {
    const why = isValiError(error) ? `${getDotPath(error.issues[0]) ?? "it"} is wrong` : "";
    throw new CliError(`cannot read ${source}: ${why || "it is no JSON"}`, { cause: error });
  }
}
async function inConfig({ auths, credsStore, credHelpers }, host) {
  const key = HUB_HOSTS.has(host) ? HUB_KEY : host;
  const wanted = hostOf(key);
  const own = Object.entries(auths).find(([name]) => hostOf(name) === wanted)?.[1];
  const kept = own === void 0 ? null : inEntry(own);
  const helper = Object.entries(credHelpers).find(([name]) => hostOf(name) === wanted)?.[1];
  if (helper !== void 0) return fromHelper(helper, key);
  if (kept !== null || credsStore === "") return kept;
  return fromHelper(credsStore, key);
}
function inEntry({ auth, identitytoken }) {
  if (identitytoken !== "") return { user: IDENTITY_TOKEN, password: identitytoken };
  const [, user = "", password = ""] = /^([^:]*):([^]*)$/.exec(Buffer.from(auth, "base64").toString()) ?? [];
  return user === "" ? null : { user, password: password.replaceAll("\0", "") };
}
function hostOf(key) {
  return key.replace(/^https?:\/\//, "").replace(/\/(?:v[12]\/?)?$/, "");
}

// src/cli/remote/token-service.ts
var Answered = pipe(
  object({
    token: nullish(string(), ""),
    access_token: nullish(string(), ""),
    // "If omitted, this defaults to 60 seconds" (token.md).
    expires_in: nullish(pipe(number(), minValue(0)), 60)
  }),
  transform(({ token, access_token, expires_in }) => ({
    token: token || access_token,
    seconds: expires_in
  })),
  check(({ token }) => token !== "")
);
var CLIENT = "slipway";
async function fetchToken(wanted) {
  const { realm } = wanted;
  const service = new Upstream(realm.origin);
  try {
    const answer = await ask(service, wanted);
    const { status, body } = answer;
    if (status === 200) return await tokenIn(answer, realm);
    body.resume();
    throw refusal(status, wanted);
  } finally {
    service.close();
  }
}
async function ask(service, wanted) {
  const { credentials } = wanted;
  if (credentials?.user === IDENTITY_TOKEN)
    return reached(service.origin, () => byPost(service, wanted, credentials));
  const answer = await reached(service.origin, () => byGet(service, wanted));
  if (credentials === null || answer.status !== 404 && answer.status !== 405) return answer;
  answer.body.resume();
  return reached(service.origin, () => byPost(service, wanted, credentials));
}
function byGet(service, { realm, service: name, scopes, credentials }) {
  const query = new URLSearchParams(realm.search);
  if (name !== null) query.set("service", name);
  for (const scope of scopes) query.append("scope", scope);
  if (credentials !== null) query.set("account", credentials.user);
  const headers = credentials === null ? {} : { authorization: basic(credentials) };
  return service.request({ method: "GET", path: `${realm.pathname}?${query.toString()}`, headers });
}
function byPost(service, { realm, service: name, scopes }, { user, password }) {
  const login = user === IDENTITY_TOKEN ? { grant_type: "refresh_token", refresh_token: password } : { grant_type: "password", username: user, password };
  const form = new URLSearchParams({ ...login, client_id: CLIENT, scope: scopes.join(" ") });
  if (name !== null) form.set("service", name);
  return service.request({
    method: "POST",
    path: realm.pathname + realm.search,
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: [Buffer.from(form.toString())]
  });
}
async function tokenIn({ body }, { origin }) {
  const parsed = safeParse(Answered, await json(body).catch(() => null));
  if (parsed.success) return parsed.output;
  throw new CliError(`the token service ${origin} answered no token`);
}
function refusal(status, { realm, credentials, scopes }) {
  const { host } = realm;
  if (status !== 401 && status !== 403) {
    return new CliError(`the token service ${realm.origin} answered ${status}`, { status });
  }
  const login = copyable(`docker login ${host}`);
  if (credentials === null) {
    return new CliError(`${host} gives no token without a login for ${scopes.join(" ")}`, {
      status,
      code: "UNAUTHORIZED",
      hint: `Log in: ${login}, or ${copyable("slipway login")} for a Slipway registry.`
    });
  }
  const { whose, remedy } = shown(credentials, login);
  return new CliError(`${host} refused the credentials of ${whose}`, {
    status,
    code: "UNAUTHORIZED",
    hint: `They may have ended. ${remedy}`
  });
}
function shown({ user }, login) {
  if (user === "") return { whose: "SLIPWAY_TOKEN", remedy: "Set it to a token that holds." };
  const whose = user === IDENTITY_TOKEN ? "the identity token" : user;
  return { whose, remedy: `Log in again: ${login}` };
}

// src/cli/remote/authorize.ts
var MARGIN_SECONDS = 60;
function bearerAuthorize(origin, credentials) {
  const tokens = /* @__PURE__ */ new Map();
  let asked = null;
  return async (scopes, challenge) => {
    const challenges = challenge === null ? null : parseChallenges(challenge);
    if (challenges !== null) asked = methodOf(origin, challenges);
    if (asked === null) return null;
    if (asked === "basic") return credentials === null ? null : basic(credentials);
    const wanted = scopes.length === 0 ? scopesIn(challenges ?? []) : scopes;
    const key = [...wanted].toSorted().join(" ");
    const held = challenge === null ? await usable(tokens.get(key)) : null;
    if (held !== null) return `Bearer ${held}`;
    const making = make({ ...asked, scopes: wanted, credentials });
    tokens.set(key, making);
    making.catch(() => tokens.get(key) === making && tokens.delete(key));
    return `Bearer ${(await making).token}`;
  };
}
async function usable(making) {
  const held = await making;
  return held !== void 0 && Date.now() < held.until ? held.token : null;
}
async function make(wanted) {
  const begun = Date.now();
  const { token, seconds } = await fetchToken(wanted);
  const holds = Math.max(seconds - MARGIN_SECONDS, seconds / 2);
  return { token, until: begun + holds * 1e3 };
}
function methodOf(origin, challenges) {
  const bearer = challenges.find(
    ({ scheme, parameters }) => scheme === "bearer" && parameters["realm"]
  );
  if (bearer !== void 0) return serviceOf(origin, bearer);
  return challenges.some(({ scheme }) => scheme === "basic") ? "basic" : null;
}
function serviceOf(origin, { parameters }) {
  const { realm: given = "", service = null } = parameters;
  const realm = URL.parse(given, origin);
  const isSafe = realm?.protocol === "https:" || realm?.protocol === "http:" && !origin.startsWith("https:");
  if (realm !== null && isSafe) return { realm, service };
  throw new CliError(`${origin} names a token service that is not https: ${given}`, {
    hint: "No credentials were sent there."
  });
}
function scopesIn(challenges) {
  const bearer = challenges.find(({ scheme }) => scheme === "bearer");
  return bearer?.parameters["scope"]?.split(" ").filter((scope) => scope !== "") ?? [];
}

// src/cli/remote/oidc.ts
import { text as textOf2 } from "node:stream/consumers";
var WORKLOAD = "oidc";
var some = pipe(string(), minLength(1));
var json2 = pipe(string(), parseJson());
var IdToken = pipe(json2, object({ value: some }));
var Exchanged = pipe(json2, object({ username: some, password: some, expiresAt: some }));
async function idToken(audience) {
  const { SLIPWAY_ID_TOKEN: given, SLIPWAY_ID_TOKEN_FILE: file } = process.env;
  if (given) return checked(given.trim(), "SLIPWAY_ID_TOKEN");
  if (file) return tokenInFile(file);
  const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: secret } = process.env;
  if (!url || !secret) throw await noToken(audience);
  return requestToken(url, secret, audience);
}
async function exchange(registry, { namespaces, audience }) {
  const token = await idToken(process.env["SLIPWAY_AUDIENCE"] || audience);
  const exchanged = ask2(registry, {
    method: "POST",
    path: "/api/v1/oidc/exchange",
    headers: { "content-type": "application/json" },
    body: [Buffer.from(JSON.stringify({ token, namespaces }))]
  });
  const { text: text2 } = await hinted(exchanged, 401, trustHint(namespaces));
  const { success, output } = safeParse(Exchanged, text2);
  if (success) return output;
  throw new CliError(`${registry} answered no credential: is it a Slipway registry?`);
}
async function revoke(registry, password) {
  const headers = { authorization: basic({ user: WORKLOAD, password }) };
  try {
    await ask2(registry, { method: "DELETE", path: "/api/v1/oidc/credential", headers });
  } catch (error) {
    if (!(error instanceof CliError) || error.status !== 401) throw error;
  }
}
async function ask2(registry, asked) {
  const said = await send(registry, asked);
  const { status, text: text2 } = said;
  if (status < 300) return said;
  const { sentence, code = `HTTP_${status}` } = refusalIn(text2) ?? {};
  throw new CliError(sentence ?? `${registry} answered ${status}`, { code, status });
}
async function send(origin, asked) {
  const upstream = new Upstream(origin);
  const headers = { accept: "application/json", "user-agent": "slipway", ...asked.headers };
  try {
    const { status, body } = await reached(origin, () => upstream.request({ ...asked, headers }));
    return { status, text: await textOf2(body) };
  } finally {
    upstream.close();
  }
}
async function tokenInFile(file) {
  const token = (await readTextFile(file)).trim();
  if (token !== "") return checked(token, `the file of SLIPWAY_ID_TOKEN_FILE, ${file},`);
  throw new CliError(`the file of SLIPWAY_ID_TOKEN_FILE is empty: ${file}`, {
    code: "NO_ID_TOKEN"
  });
}
var JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;
function checked(token, where) {
  if (JWT.test(token)) return token;
  throw new CliError(`what ${where} has is no ID token`, {
    code: "NO_ID_TOKEN",
    hint: "An ID token is a JWT: three parts of letters and digits with dots between them."
  });
}
async function requestToken(service, secret, audience) {
  const url = new URL(service);
  url.searchParams.set("audience", audience);
  const headers = { authorization: `Bearer ${secret}` };
  const path2 = url.pathname + url.search;
  const { status, text: text2 } = await send(url.origin, { method: "GET", path: path2, headers });
  const { success, output } = safeParse(IdToken, text2);
  if (status === 200 && success) return output.value;
  const said = status === 200 ? "without an ID token" : `${status}`;
  throw new CliError(`the CI's token service at ${url.origin} answered ${said}`, {
    code: "NO_ID_TOKEN",
    status
  });
}
async function noToken(audience) {
  const { GITHUB_ACTIONS } = process.env;
  if (GITHUB_ACTIONS !== "true") {
    return new CliError("there is no ID token to log in with", {
      code: "NO_ID_TOKEN",
      hint: `Give one for the audience ${audience} in SLIPWAY_ID_TOKEN, or in the file that SLIPWAY_ID_TOKEN_FILE names. In GitHub Actions a job with ${copyable("permissions: id-token: write")} needs neither.`
    });
  }
  if (await isOfFork()) {
    return new CliError("GitHub gives no ID token to a pull request from a fork", {
      code: "NO_ID_TOKEN",
      hint: `Build there without a push, such as by ${copyable("if: github.event.pull_request.head.repo.fork != true")} at the step that logs in.`
    });
  }
  return new CliError("this job may not ask for an ID token", {
    code: "NO_ID_TOKEN",
    hint: `Add ${copyable("permissions: { contents: read, id-token: write }")} to the job; a reusable workflow needs it in the workflow that calls it, too. Forgejo has ${copyable("enable-openid-connect: true")} instead.`
  });
}
async function isOfFork() {
  const { GITHUB_EVENT_PATH: file, GITHUB_EVENT_NAME: event = "" } = process.env;
  if (!file || !event.startsWith("pull_request")) return false;
  const { pull_request: pull } = JSON.parse(await readTextFile(file));
  return pull?.head?.repo === null || pull?.head?.repo?.fork === true;
}
function trustHint([namespace = ""]) {
  const { env } = process;
  const push = `--push '${namespace}/*'`;
  const { GITHUB_REPOSITORY: repository, GITHUB_SERVER_URL: forge } = env;
  const { CI_PROJECT_PATH: project, CI_PROJECT_ID: id } = env;
  const command = repository && forge === "https://github.com" ? `slipway trust add github ${repository} ${push}` : project && id ? `slipway trust add gitlab ${project} --project-id ${id} ${push}` : `slipway trust add oidc --issuer URL --claim NAME=GLOB ${push}`;
  return `If ${namespace} has no rule for this job yet, an owner of it adds one: ${copyable(command)}`;
}

// src/cli/proxy/credential.ts
var CREDENTIALS = ["pass", "login", "docker", "oidc"];
var MARGIN_MS = 6e4;
async function openCredential(kind, { registry, namespaces }) {
  if (kind === "oidc") return openExchanged(registry, namespaces);
  const { host } = new URL(registry);
  const credentials = await (kind === "docker" ? dockerCredentials(host) : loginCredentials(registry));
  if (credentials === null) {
    const login = kind === "docker" ? `docker login ${host}` : `slipway login ${host}`;
    throw new CliError(`this machine has no credentials for ${host}`, {
      code: "NO_CREDENTIALS",
      hint: `Log in first: ${copyable(login)}`
    });
  }
  return { authorize: bearerAuthorize(registry, credentials), close: () => Promise.resolve() };
}
async function openExchanged(registry, namespaces) {
  const login = { namespaces, audience: registry };
  let { password, expiresAt } = await exchange(registry, login);
  const leftMs = () => Date.parse(expiresAt) - Date.now();
  const renew = async (isRefused) => {
    try {
      ({ password, expiresAt } = await exchange(registry, login));
    } catch (error) {
      if (isRefused || leftMs() <= 0) throw error;
    }
  };
  let renewing = null;
  return {
    async authorize(_scopes, challenge) {
      const isRefused = challenge !== null;
      if (isRefused || leftMs() < MARGIN_MS) {
        renewing ??= renew(isRefused).finally(() => renewing = null);
        await renewing;
      }
      return `Bearer ${password}`;
    },
    close: () => revoke(registry, password)
  };
}

// src/cli/proxy/guard.ts
import { createHash, timingSafeEqual } from "node:crypto";
var PROXY_USER = "slipway";
var NAMES = ["localhost", "127.0.0.1", "[::1]", "host.docker.internal"];
function refusalOf(headers, path2, { port, secret }) {
  const { host = "", origin, authorization = "" } = headers;
  if (origin !== void 0 || headers["sec-fetch-site"] === "cross-site") {
    return denied("slipway proxy answers no web page");
  }
  const suffix = port === 80 ? "" : `:${port}`;
  if (!NAMES.some((name) => host.toLowerCase() === name + suffix)) {
    return denied(`slipway proxy is localhost${suffix}, and "${host}" is not`);
  }
  const served = secret === null ? /^\/(?:v2|token)(?:[/?]|$)/ : /^\/v2(?:[/?]|$)/;
  const isPlain = URL.parse(path2, "http://proxy")?.pathname === path2.split("?", 1)[0];
  if (!isPlain || !served.test(path2)) {
    const message2 = "slipway proxy serves /v2/ alone, and /token; the rest is at the registry itself";
    return { status: 404, code: "NAME_UNKNOWN", message: message2 };
  }
  if (secret === null || isEqual(authorization, proxyAuthorization(secret))) return null;
  const message = `log in with: docker login localhost:${port} -u ${PROXY_USER}, and the secret of slipway proxy`;
  return {
    status: 401,
    code: "UNAUTHORIZED",
    message,
    headers: { "www-authenticate": 'Basic realm="slipway proxy"' }
  };
}
function proxyAuthorization(secret) {
  return basic({ user: PROXY_USER, password: secret });
}
function denied(message) {
  return { status: 403, code: "DENIED", message };
}
function isEqual(given, wanted) {
  const [a, b] = [given, wanted].map((text2) => createHash("sha256").update(text2).digest());
  return a !== void 0 && b !== void 0 && timingSafeEqual(a, b);
}

// src/cli/proxy/hosts-toml.ts
function hostsToml(registry, port, authorization) {
  const { host } = new URL(registry);
  const header = authorization === null ? "" : `  [host."http://127.0.0.1:${port}".header]
    authorization = ["${authorization}"]
`;
  return `# /etc/containerd/certs.d/${host}/hosts.toml, or for Docker 29 and newer
# /etc/docker/certs.d/${host}/hosts.toml
server = "${registry}"
[host."http://127.0.0.1:${port}"]
  capabilities = ["pull", "resolve", "push"]
${header}`;
}

// src/cli/upload/progress.ts
async function makeProgress(isJson2, stream = process.stderr) {
  const view = isJson2 ? new JsonView(stream) : stream.isTTY ? await TerminalView.make(stream) : new PlainView(stream);
  return {
    begin(name, totalBytes) {
      const line = { name, totalBytes, beganAt: Date.now(), bytes: 0, firstBytes: null };
      view.changed(line);
      return {
        at(count) {
          line.bytes = count;
          line.firstBytes ??= count;
          view.changed(line);
        },
        resumed(count) {
          line.bytes = line.firstBytes = count;
          view.resumed(line);
        },
        done: (text2) => view.ended(line, "done", text2),
        failed: (text2) => view.ended(line, "failed", text2)
      };
    },
    end: () => view.end()
  };
}
var LOG_EVERY_MS = 15e3;
var PlainView = class {
  #stream;
  #shownAt = /* @__PURE__ */ new WeakMap();
  constructor(stream) {
    this.#stream = stream;
  }
  changed(line) {
    const now = Date.now();
    if (now - (this.#shownAt.get(line) ?? line.beganAt) < LOG_EVERY_MS) return;
    this.#shownAt.set(line, now);
    this.#write(`${line.name}: ${amountOf(line)}`);
  }
  resumed(line) {
    this.#write(`${line.name}: resumed at ${amountOf(line)}`);
  }
  ended(line, ending2, text2) {
    this.#write(`${line.name}: ${text2}${sizeOf(line, ending2)}`);
  }
  end() {
  }
  #write(text2) {
    this.#stream.write(`${plain(text2)}
`);
  }
};
var JSON_EVERY_MS = 1e3;
var JsonView = class {
  #stream;
  #shownAt = /* @__PURE__ */ new WeakMap();
  constructor(stream) {
    this.#stream = stream;
  }
  changed(line) {
    const now = Date.now();
    const shownAt = this.#shownAt.get(line);
    if (shownAt !== void 0 && now - shownAt < JSON_EVERY_MS) return;
    this.#shownAt.set(line, now);
    this.#write(line, "under way");
  }
  resumed(line) {
    this.#shownAt.set(line, Date.now());
    this.#write(line, "resumed");
  }
  ended(line, ending2, text2) {
    this.#write(line, ending2, text2);
  }
  end() {
  }
  #write({ name, bytes: count, totalBytes: total }, state, text2) {
    const progress = { name, bytes: count, total, state, ...text2 === void 0 ? {} : { text: text2 } };
    this.#stream.write(`${plainJson(JSON.stringify({ progress }))}
`);
  }
};
var DRAW_EVERY_MS = 100;
var FREE_ROWS = 2;
var BAR_WIDTH = 20;
var TerminalView = class _TerminalView {
  #stream;
  #draw;
  #lines = /* @__PURE__ */ new Set();
  #timer = null;
  constructor(stream, draw) {
    this.#stream = stream;
    this.#draw = draw;
  }
  static async make(stream) {
    const { createLogUpdate: createLogUpdate2 } = await Promise.resolve().then(() => (init_log_update(), log_update_exports));
    const view = new _TerminalView(stream, createLogUpdate2(stream, { showCursor: true }));
    writeBy((text2) => view.#persist(text2));
    return view;
  }
  changed(line) {
    this.#lines.add(line);
    this.#timer ??= setTimeout(() => this.#redraw(), DRAW_EVERY_MS);
  }
  resumed(line) {
    this.#lines.add(line);
    this.#persist(this.#fitted(`${plain(line.name)}  resumed at ${amountOf(line)}`));
  }
  ended(line, ending2, text2) {
    this.#lines.delete(line);
    this.#persist(this.#fitted(`${plain(line.name)}  ${plain(text2)}${sizeOf(line, ending2)}`));
  }
  end() {
    this.#lines.clear();
    this.#redraw();
    this.#draw.done();
    writeBy(null);
  }
  /** Writes what stays, above what is drawn over. */
  #persist(text2) {
    this.#draw.persist(text2);
    this.#redraw();
  }
  #redraw() {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const room = Math.max(1, (this.#stream.rows || 24) - FREE_ROWS);
    const shown2 = [...this.#lines].slice(0, room).map((line) => this.#fitted(drawn(line)));
    const left = this.#lines.size - shown2.length;
    if (left > 0) shown2[room - 1] = `and ${left + 1} more`;
    this.#draw(shown2.join("\n"));
  }
  #fitted(text2) {
    return truncated(text2, (this.#stream.columns || 80) - 1);
  }
};
function drawn(line) {
  const { name, totalBytes, bytes: count, beganAt } = line;
  const share = totalBytes ? Math.min(1, count / totalBytes) : 0;
  const filled = Math.floor(share * BAR_WIDTH);
  const bar = `[${"=".repeat(filled)}${" ".repeat(BAR_WIDTH - filled)}]`;
  const seconds = (Date.now() - beganAt) / 1e3;
  const came = count - (line.firstBytes ?? 0);
  const speed = seconds > 1 && came > 0 ? `  ${bytes(came / seconds)}/s` : "";
  return `${plain(name)}  ${bar}  ${amountOf(line)}${speed}`;
}
function amountOf({ bytes: count, totalBytes }) {
  return totalBytes === null ? bytes(count) : `${bytes(count)} of ${bytes(totalBytes)}`;
}
function sizeOf({ totalBytes, bytes: count }, ending2) {
  if (ending2 === "failed") return count === 0 ? "" : ` (after ${bytes(count)})`;
  return totalBytes === null && count === 0 ? "" : ` (${bytes(totalBytes ?? count)})`;
}

// src/cli/proxy/server.ts
import { once as once2 } from "node:events";
import { createServer } from "node:http";
import { pipeline } from "node:stream/promises";

// src/cli/proxy/forward.ts
import { buffer } from "node:stream/consumers";

// src/cli/proxy/headers.ts
var NOT_PASSED = /* @__PURE__ */ new Set([
  "authorization",
  "connection",
  "expect",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade"
]);
function endToEnd(headers) {
  const named = new Set(headers.connection?.toLowerCase().split(/\s*,\s*/));
  const passed = Object.entries(headers).flatMap(
    ([name, value]) => value === void 0 || NOT_PASSED.has(name) || named.has(name) ? [] : [[name, value]]
  );
  return Object.fromEntries(passed);
}
function rewritten(headers, origin, self) {
  const { location } = headers;
  const challenge = headers["www-authenticate"];
  return {
    ...endToEnd(headers),
    ...location === void 0 ? {} : { location: withoutOrigin(location, origin) },
    ...challenge === void 0 ? {} : { "www-authenticate": challenge.replaceAll(`realm="${origin}/`, `realm="${self}/`) }
  };
}
function withoutOrigin(location, origin) {
  return location.startsWith(`${origin}/`) ? location.slice(origin.length) : location;
}
function hasBody(headers) {
  const { "content-length": length = "0", "transfer-encoding": coding } = headers;
  return coding !== void 0 || Number(length) > 0;
}
function bodyBytesIn({ "content-length": length }) {
  return length === void 0 ? null : Number(length);
}
function maxRequestBytesIn(headers) {
  const told = Number(headers["oci-chunk-max-length"]);
  return Number.isInteger(told) && told > 0 ? told : null;
}

// src/cli/proxy/target.ts
var UPLOADS = /^\/v2\/(?<name>.+)\/blobs\/uploads(?:\/(?<session>[^/]*))?$/;
var IN_REPOSITORY = /^\/v2\/(?<name>.+?)\/(?:blobs|manifests|tags|referrers)\//;
function uploadTarget(method, path2) {
  if (method !== "PATCH" && method !== "PUT" && method !== "POST") return null;
  const { pathname, searchParams } = new URL(path2, "http://proxy");
  const groups = UPLOADS.exec(pathname)?.groups;
  if (groups === void 0) return null;
  const { name = "", session = "" } = groups;
  const digest = searchParams.getAll("digest").at(-1) ?? null;
  const isMount = searchParams.has("mount");
  if (method === "POST" && isMount) return null;
  if (method !== "PATCH" && digest === null) return null;
  if (method !== "POST" && session === "") return null;
  searchParams.delete("digest");
  const offset = searchParams.get("_offset");
  const query = searchParams.size === 0 ? "" : `?${searchParams.toString()}`;
  return {
    location: method === "POST" ? null : pathname + query,
    start: `/v2/${name}/blobs/uploads/${startQuery(digest)}`,
    digest: method === "PATCH" ? null : digest,
    offset: offset === null ? null : Number(offset)
  };
}
function startQuery(digest) {
  const [algorithm = "sha256"] = (digest ?? "").split(":");
  return digest === null || algorithm === "sha256" ? "" : `?digest-algorithm=${encodeURIComponent(algorithm)}`;
}
function scopesOf(path2) {
  const { pathname, searchParams } = new URL(path2, "http://proxy");
  if (pathname === "/v2/_catalog") return ["registry:catalog:*"];
  const name = IN_REPOSITORY.exec(pathname)?.groups?.["name"];
  if (name === void 0) return [];
  const from = searchParams.get("from");
  const source = searchParams.has("mount") && from !== null && from !== name;
  return [`repository:${name}:pull,push,delete`, ...source ? [`repository:${from}:pull`] : []];
}
function sessionOf(location) {
  return (UPLOADS.exec(location.split("?")[0] ?? "")?.groups?.["session"] ?? "").slice(0, 12);
}
function repositoryOf(path2) {
  return IN_REPOSITORY.exec(path2)?.groups?.["name"] ?? "";
}

// src/cli/proxy/forward.ts
var MAX_HELD_BYTES = 4 * 1024 ** 2;
var MAX_HELD_IN_ALL = 32 * 1024 ** 2;
var MAX_RETRY_AFTER_MS2 = 5e3;
var WITH_BODY = /* @__PURE__ */ new Set(["PATCH", "POST", "PUT"]);
var heldBytes = 0;
async function forward(incoming, upstream, signal) {
  const { method = "GET", url: path2 = "/" } = incoming;
  const { "content-length": length, ...headers } = endToEnd(incoming.headers);
  const asked = { method, path: path2, headers, scopes: scopesOf(path2), signal };
  const again = (body) => retried(upstream.origin, () => upstream.request({ ...asked, body }), {
    signal,
    maxRetryAfterMs: MAX_RETRY_AFTER_MS2
  });
  if (!WITH_BODY.has(method)) return again(null);
  if (!hasBody(incoming.headers)) return again([]);
  const bytes2 = length === void 0 ? null : Number(length);
  if (bytes2 === null || bytes2 > MAX_HELD_BYTES || heldBytes + bytes2 > MAX_HELD_IN_ALL) {
    return upstream.request({ ...asked, body: { stream: incoming, bytes: bytes2 } });
  }
  heldBytes += bytes2;
  try {
    return await again([await buffer(incoming)]);
  } finally {
    heldBytes -= bytes2;
  }
}

// src/cli/upload/byte-queue.ts
var SMALL_BYTES = 4096;
var BLOCK_BYTES = 65536;
var ByteQueue = class {
  #pieces = [];
  #length = 0;
  /** The block that small pieces are copied to, and how much of it is used. */
  #block = new Uint8Array(0);
  #used = 0;
  get length() {
    return this.#length;
  }
  push(piece) {
    this.#length += piece.length;
    if (piece.length >= SMALL_BYTES) {
      this.#pieces.push(piece);
      this.#used = this.#block.length;
    } else if (piece.length > 0) {
      this.#join(piece);
    }
  }
  /** Takes the first bytes, at most as many as there are. */
  take(count) {
    const taken = firstOf(this.#pieces, count);
    this.#pieces = withoutFirst(this.#pieces, count);
    this.#length -= Math.min(count, this.#length);
    this.#used = this.#block.length;
    return taken;
  }
  #join(piece) {
    if (this.#used + piece.length > this.#block.length) {
      this.#block = new Uint8Array(BLOCK_BYTES);
      this.#used = 0;
      this.#pieces.push(this.#block.subarray(0, 0));
    }
    this.#block.set(piece, this.#used);
    const begin2 = this.#used - (this.#pieces.at(-1)?.length ?? 0);
    this.#used += piece.length;
    this.#pieces[this.#pieces.length - 1] = this.#block.subarray(begin2, this.#used);
  }
};

// src/cli/upload/session.ts
var Session = class {
  #options;
  #location;
  #offset;
  constructor(options) {
    this.#options = options;
    this.#location = options.location;
    this.#offset = options.offset;
  }
  /** How many bytes the registry has. */
  get offset() {
    return this.#offset;
  }
  /** Appends bytes at the offset. */
  async append(body, length, placing) {
    const answer = await this.#send("PATCH", this.#location, { body, length, placing });
    if (isSuccess(answer)) this.#learn(answer, this.#offset + length, this.#offset + length === 0);
    return answer;
  }
  /** Ends the upload with its last bytes, or none. */
  async finish(body, length, { digest, placing }) {
    const answer = await this.#send("PUT", withDigest(this.#location, digest), {
      body,
      length,
      placing
    });
    if (isSuccess(answer)) this.#offset += length;
    return answer;
  }
  /** Asks where to go on. @returns the answer, after which `offset` is what the registry said if it is a success */
  async ask() {
    const { upstream, scopes, signal } = this.#options;
    const path2 = this.#location;
    const answer = await upstream.request({ method: "GET", path: path2, scopes, signal });
    if (isSuccess(answer)) this.#learn(answer, this.#offset, this.#offset === 0);
    return answer;
  }
  async #send(method, path2, sent) {
    const { upstream, scopes, signal } = this.#options;
    const { body, length, placing } = sent;
    const isRanged = placing === "ranged" && length > 0;
    const range = `${this.#offset}-${this.#offset + length - 1}`;
    const headers = {
      "content-type": "application/octet-stream",
      ...isRanged ? { "content-range": range } : {}
    };
    return upstream.request({ method, path: path2, headers, body, scopes, signal });
  }
  /** @param mayBeEmpty whether "0-0" may mean no byte at all, as it also does at some registries */
  #learn({ headers }, expected, mayBeEmpty) {
    const { range = "" } = headers;
    const end = /^(?:bytes=)?0-(-?\d+)$/.exec(range)?.[1];
    const isEmpty = mayBeEmpty && end === "0";
    this.#offset = isEmpty ? 0 : end === void 0 ? expected : Number(end) + 1;
    if (headers.location === void 0) return;
    this.#location = pathOf2(headers.location, this.#options.upstream.origin);
    this.#options.onLocation?.(this.#location);
  }
};
function pathOf2(location, origin) {
  const url = new URL(location, origin);
  if (url.origin !== origin) {
    throw new CliError(`${origin} wants the upload to go to ${url.origin}, which is not supported`);
  }
  return url.pathname + url.search;
}
function withDigest(location, digest) {
  return `${location}${location.includes("?") ? "&" : "?"}digest=${encodeURIComponent(digest)}`;
}
function isSuccess({ status }) {
  return status >= 200 && status < 300;
}

// src/cli/upload/window.ts
var HELD_SECONDS = 8;
var LEAST_HELD_SECONDS = 2;
var PATIENCE_SECONDS = 18;
var SOCKET_BYTES = 45e5;
var SMALLEST_WINDOW = 256 * 1024;
var MAX_HELD = 32 * 1024 ** 2;
var PART_BYTES = 8 * 1024 ** 2;
var underWay = /* @__PURE__ */ new Set();
var lineFree = Promise.withResolvers();
var UploadWindow = class {
  #maxRequestBytes;
  /** How fast the uplink is by the last request; 0 before there was one. */
  #lineBytesPerSecond = 0;
  #most = SMALLEST_WINDOW;
  /** The bytes that it holds. */
  held = 0;
  #sentBytes = 0;
  #isEnding = false;
  #isWaiting = false;
  #isSending = false;
  /** How many requests were under way when the last one began. */
  #sendersBefore = 1;
  #bodyBytes;
  /**
   * @param maxRequestBytes the largest body that a request may have
   * @param bodyBytes how much the client sends; null where nobody knows
   */
  constructor(maxRequestBytes, bodyBytes = null) {
    this.#maxRequestBytes = maxRequestBytes;
    this.#bodyBytes = bodyBytes ?? Infinity;
    underWay.add(this);
  }
  /** Ends the upload's share in what all may hold. */
  close() {
    underWay.delete(this);
    letOthersGoOn();
  }
  /** Says whether no more may be read: each upload may hold a little, and all together no more than their bound. */
  get isFull() {
    if (this.held >= this.bytes) return true;
    let all = 0;
    for (const { held } of underWay) all += held;
    return all >= MAX_HELD && this.held >= SMALLEST_WINDOW;
  }
  /** Whether its client has sent all and waits for the answer: the others then leave it the uplink. */
  set isEnding(isEnding) {
    this.#isEnding = isEnding;
    letOthersGoOn();
  }
  /** Sends a request when this upload may have the uplink. */
  async inTurn(send2) {
    this.#isWaiting = true;
    try {
      while (this.#isBehind()) await lineFree.promise;
      this.#isSending = true;
      this.#sendersBefore = senders();
      return await send2();
    } finally {
      this.#isWaiting = this.#isSending = false;
      setImmediate(letOthersGoOn);
    }
  }
  /** The bytes that may be held. */
  get bytes() {
    const line = lineBytesPerSecond();
    const rate = isSlow(line) ? line : line / underWay.size;
    const wanted = Math.min(rate * HELD_SECONDS, rate * PATIENCE_SECONDS - SOCKET_BYTES);
    const held = Math.max(wanted, rate * LEAST_HELD_SECONDS, SMALLEST_WINDOW);
    const share = MAX_HELD / underWay.size;
    return Math.max(2, Math.floor(Math.min(held, this.#most, share, 2 * this.#maxRequestBytes)));
  }
  get lineBytesPerSecond() {
    return this.#lineBytesPerSecond;
  }
  get isSending() {
    return this.#isSending;
  }
  /** The size of a request that begins at this offset, where so many bytes or more are to come. */
  requestBytes(offset) {
    const most = Math.floor(this.bytes / 2);
    const aligned = Math.floor((offset + most) / PART_BYTES) * PART_BYTES - offset;
    return aligned >= most / 2 ? aligned : most;
  }
  /** Learns from the request that is under way how fast the uplink is. */
  measure(sentBytes, durationMs) {
    this.#most = Math.max(this.bytes, sentBytes * 8);
    this.#sentBytes += sentBytes;
    const sharing = (this.#sendersBefore + Math.max(1, senders())) / 2;
    this.#lineBytesPerSecond = sentBytes * 1e3 * sharing / Math.max(durationMs, 1);
  }
  #isBehind() {
    const isOneByOne = isSlow(lineBytesPerSecond());
    for (const other of underWay) {
      if (other === this) continue;
      if (other.#isEnding && !this.#isEnding) return true;
      if (isOneByOne && (other.#isSending || other.#isWaiting && other.#precedes(this))) {
        return true;
      }
    }
    return false;
  }
  /** By the order in which uploads began, but for those that may be at their end. */
  #precedes(other) {
    if (this.#rank !== other.#rank) return this.#rank < other.#rank;
    for (const one of underWay) if (one === this || one === other) return one === this;
    return false;
  }
  /** Before others goes an upload whose client waits for the answer, and then one whose sockets may have all that is left. */
  get #rank() {
    if (this.#isEnding) return 0;
    return this.#bodyBytes - this.#sentBytes <= SOCKET_BYTES ? 1 : 2;
  }
};
function lineBytesPerSecond() {
  let [all, measured] = [0, 0];
  for (const one of underWay) {
    all += one.lineBytesPerSecond;
    if (one.lineBytesPerSecond > 0) measured += 1;
  }
  return measured === 0 ? 0 : all / measured;
}
function isSlow(line) {
  return line > 0 && line * PATIENCE_SECONDS < underWay.size * SOCKET_BYTES && underWay.size > 1;
}
function senders() {
  let count = 0;
  for (const { isSending } of underWay) if (isSending) count += 1;
  return count;
}
function letOthersGoOn() {
  lineFree.resolve(void 0);
  lineFree = Promise.withResolvers();
}

// src/cli/upload/send-blob.ts
var LEAST_REQUEST_BYTES = 1024 ** 2;
async function sendBlob(sending) {
  const window = new UploadWindow(sending.maxRequestBytes, sending.bodyBytes);
  try {
    return await new BlobSender(sending, window).run();
  } finally {
    window.close();
  }
}
var BlobSender = class {
  #sending;
  #window;
  #session;
  #source;
  #queue = new ByteQueue();
  #maxRequestBytes;
  #inFlight = 0;
  /** Bytes that the registry has, and the body has yet to bring: a client repeats an upload whose answer it lost. */
  #ahead = 0;
  #hasEnded = false;
  #failure = null;
  /** Whether reading waits because no more may be held; what is there is then sent. */
  #isPaused = false;
  #wakeReader = Promise.withResolvers();
  #wakeSender = Promise.withResolvers();
  #isOffsetKnown = true;
  #isFinished = false;
  #mayBeFinished = false;
  /** The size of the last request, and where it began. */
  #lastSent = 0;
  #sentFrom = 0;
  #hasSent = false;
  constructor(sending, window) {
    const { upstream, scopes = [], location, offset, onLocation, signal } = sending;
    this.#sending = sending;
    this.#window = window;
    this.#maxRequestBytes = sending.maxRequestBytes;
    this.#source = sending.body[Symbol.asyncIterator]();
    this.#session = new Session({ upstream, scopes, location, offset, onLocation, signal });
  }
  async run() {
    void this.#read();
    try {
      return await this.#send();
    } finally {
      this.#hasEnded = true;
      this.#changed();
    }
  }
  /** Reads while less is held than the window has room for. */
  async #read() {
    try {
      while (!this.#hasEnded) {
        if (this.#window.isFull) {
          this.#isPaused = true;
          this.#notifySender();
          await this.#wakeReader.promise;
          continue;
        }
        const { value, done = false } = await this.#source.next();
        if (done) {
          this.#hasEnded = true;
          this.#window.isEnding = true;
        } else this.#queue.push(value);
        this.#changed();
      }
    } catch (error) {
      this.#failure = { error };
      this.#changed();
    }
  }
  async #send() {
    for (; ; ) {
      const chunk = await this.#next();
      this.#inFlight = chunk.end - chunk.start;
      const answer = await this.#deliver(chunk);
      this.#inFlight = 0;
      this.#ahead = Math.max(0, this.#session.offset - chunk.end);
      this.#changed();
      if (!isSuccess(answer) || chunk.isLast) return answer;
      answer.body.resume();
    }
  }
  /** Waits for a request's worth of bytes, for the end of the body, or until no more may be held. */
  async #next() {
    for (; ; ) {
      if (this.#failure !== null) throw this.#failure.error;
      this.#skip();
      const start = this.#session.offset - this.#ahead;
      const bytes2 = Math.min(this.#window.requestBytes(start), this.#maxRequestBytes);
      const isEnough = this.#queue.length >= bytes2 || this.#queue.length > 0 && this.#isPaused;
      if (this.#hasEnded || isEnough && this.#ahead === 0) {
        const isLast = this.#hasEnded && this.#queue.length <= bytes2;
        const pieces = this.#queue.take(bytes2);
        return { pieces, start, end: start + lengthOf(pieces), isLast };
      }
      await this.#wakeSender.promise;
    }
  }
  /** Drops what the registry has already. */
  #skip() {
    if (this.#ahead === 0) return;
    this.#ahead -= lengthOf(this.#queue.take(this.#ahead));
    this.#changed();
  }
  /**
   * Brings a chunk to the registry, in as many tries as it takes. After a failed try nobody knows what arrived, so the
   * registry is asked before more is sent.
   */
  async #deliver(chunk) {
    const { signal } = this.#sending;
    let failures = 0;
    for (; ; ) {
      const { offset } = this.#session;
      const result = await this.#window.inTurn(() => this.#try(chunk));
      if (result === "go on") {
        if (this.#session.offset > offset) failures = 0;
        continue;
      }
      const { answer, isFinal } = result;
      if (isFinal) return answer;
      this.#isOffsetKnown = false;
      failures += 1;
      if (failures === MAX_TRIES) {
        if (answer instanceof Error) throw unreachable(this.#sending.upstream.origin, answer);
        return answer;
      }
      if (!(answer instanceof Error)) answer.body.resume();
      this.#window.isEnding = false;
      const { origin } = this.#sending.upstream;
      await waitToRetry({ origin, result: answer, failures, maxTries: MAX_TRIES }, signal);
      this.#window.isEnding = this.#hasEnded;
    }
  }
  /** Sends what is left of a chunk, or asks how much is. */
  async #try(chunk) {
    const isAsking = !this.#isOffsetKnown;
    let answer;
    try {
      answer = await (isAsking ? this.#session.ask() : this.#sendRest(chunk));
    } catch (error) {
      this.#sending.signal?.throwIfAborted();
      if (!isNetworkError(error)) throw error;
      if (!isPassing(error)) throw unreachable(this.#sending.upstream.origin, error);
      return { answer: error, isFinal: false };
    }
    if (isSuccess(answer)) return this.#succeeded(chunk, answer, isAsking);
    const goesOn = isAsking && answer.status === 404 ? this.#finishesAgain(chunk) : this.#shrinks(answer);
    if (goesOn) {
      answer.body.resume();
      return "go on";
    }
    const isElsewhere = answer.status === 416 && !isAsking && !this.#isClientsMistake;
    this.#hasSent = true;
    return isRetryable(answer) || isElsewhere ? { answer, isFinal: false } : { answer, isFinal: true };
  }
  /** A wrong offset that the client gave itself is wrong from the first request on. */
  get #isClientsMistake() {
    return this.#sending.isOffsetStated === true && !this.#hasSent;
  }
  #succeeded(chunk, answer, wasAsked) {
    const { offset } = this.#session;
    this.#hasSent = true;
    if (offset < chunk.start) {
      throw new CliError(
        `${this.#sending.upstream.origin} has lost bytes of an upload: it has ${offset}, and had ${chunk.start}. Push again.`
      );
    }
    this.#isOffsetKnown = true;
    this.#sending.onSent?.(offset);
    const isDone = this.#isEnding(chunk) ? this.#isFinished : offset >= chunk.end;
    if (isDone) return { answer, isFinal: true };
    if (!wasAsked && offset === this.#sentFrom) return { answer, isFinal: false };
    answer.body.resume();
    return "go on";
  }
  async #sendRest(chunk) {
    const { offset } = this.#session;
    const rest = this.#mayBeFinished ? [] : withoutFirst(chunk.pieces, offset - chunk.start);
    const length = lengthOf(rest);
    const sentLength = Math.min(length, this.#maxRequestBytes);
    const body = sentLength < length ? firstOf(rest, sentLength) : rest;
    const isRest = sentLength === length;
    const placing = offset === 0 && chunk.isLast && isRest ? "whole" : "ranged";
    const began = performance.now();
    this.#lastSent = sentLength;
    this.#sentFrom = offset;
    const { finish } = this.#sending;
    const ends = chunk.isLast && isRest && finish !== null;
    const answer = await (ends ? this.#session.finish(body, sentLength, { digest: finish(), placing }) : this.#session.append(body, sentLength, placing));
    if (isSuccess(answer)) {
      this.#isFinished = ends;
      this.#window.measure(sentLength, performance.now() - began);
    }
    return answer;
  }
  #isEnding({ isLast }) {
    return isLast && this.#sending.finish !== null;
  }
  /**
   * A session that is gone may have ended, and the answer got lost, more than once perhaps: the same finish gets the same
   * answer again. If there never was one, its own 404 is the last word.
   */
  #finishesAgain(chunk) {
    if (!this.#isEnding(chunk)) return false;
    this.#mayBeFinished = true;
    this.#isOffsetKnown = true;
    return true;
  }
  /** Says whether smaller requests may get through: the edge's limit can be lower than the registry knows. */
  #shrinks({ status }) {
    if (status !== 413 || this.#lastSent <= LEAST_REQUEST_BYTES) return false;
    this.#maxRequestBytes = Math.floor(this.#lastSent / 2);
    return true;
  }
  #changed() {
    this.#window.held = this.#queue.length + this.#inFlight;
    this.#isPaused = false;
    this.#wakeReader.resolve(void 0);
    this.#wakeReader = Promise.withResolvers();
    this.#notifySender();
  }
  #notifySender() {
    this.#wakeSender.resolve(void 0);
    this.#wakeSender = Promise.withResolvers();
  }
};

// src/cli/proxy/upload.ts
async function upload(incoming, options) {
  const { upstream, target, maxRequestBytes, statedOffset, signal, onSent } = options;
  const scopes = scopesOf(incoming.url ?? "");
  const at = { upstream, scopes, signal };
  const begun = target.location === null ? await begin(target.start, at) : null;
  if (begun !== null && begun.status !== 202) return begun;
  begun?.body.resume();
  const { digest } = target;
  const location = target.location ?? pathOf2(begun?.headers.location ?? "", upstream.origin);
  return sendBlob({
    ...at,
    location,
    offset: begun !== null ? 0 : statedOffset ?? target.offset ?? await offsetOf(location, at),
    isOffsetStated: statedOffset !== null,
    // The client's connection stays open after a refusal: the answer goes there.
    body: incoming.iterator({ destroyOnReturn: false }),
    bodyBytes: bodyBytesIn(incoming.headers),
    finish: digest === null ? null : () => digest,
    maxRequestBytes: maxRequestBytesIn(begun?.headers ?? {}) ?? maxRequestBytes,
    onSent
  });
}
function begin(path2, { upstream, scopes, signal }) {
  const asked = { method: "POST", path: path2, scopes, signal, body: [] };
  return retried(upstream.origin, () => upstream.request(asked), {
    signal,
    maxRetryAfterMs: MAX_RETRY_AFTER_MS2
  });
}
async function offsetOf(location, at) {
  const session = new Session({ ...at, location, offset: 0 });
  const answer = await retried(at.upstream.origin, () => session.ask(), {
    signal: at.signal,
    maxRetryAfterMs: MAX_RETRY_AFTER_MS2
  });
  answer.body.resume();
  return session.offset;
}

// src/cli/proxy/server.ts
var USUAL_MAX_REQUEST_BYTES = 1e8;
var KEEP_ALIVE_MS = 75e3;
var DRAIN_MS = 1e4;
async function startProxy(options) {
  const proxy = new LoopbackProxy(options);
  const ipv4 = await listen(proxy, "127.0.0.1", options.port);
  const { port } = ipv4.address();
  proxy.port = port;
  const ipv6 = await listen(proxy, "::1", port).catch((error) => {
    if (isMissing(error)) return null;
    ipv4.close();
    throw error;
  });
  const servers = ipv6 === null ? [ipv4] : [ipv4, ipv6];
  return {
    port,
    async stop() {
      proxy.stop();
      for (const server of servers) server.closeAllConnections();
      await Promise.all(servers.map((server) => closed(server)));
    }
  };
}
async function listen(proxy, host, port) {
  const server = createServer((incoming, outgoing) => void proxy.handle(incoming, outgoing));
  server.requestTimeout = 0;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.listen(port, host);
  try {
    await once2(server, "listening");
  } catch (error) {
    if (error.code !== "EADDRINUSE") throw error;
    const hint = "Stop what listens there, or choose another: --port 0";
    throw new CliError(`port ${port} is taken`, { code: "PORT_TAKEN", hint, cause: error });
  }
  return server;
}
function isMissing(error) {
  const { code = "" } = error;
  return code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT";
}
async function closed(server) {
  server.close();
  await once2(server, "close");
}
var LoopbackProxy = class {
  port = 0;
  #options;
  #stopping = new AbortController();
  #maxRequestBytes = USUAL_MAX_REQUEST_BYTES;
  constructor(options) {
    this.#options = options;
  }
  stop() {
    this.#stopping.abort();
    this.#options.upstream.close();
  }
  async handle(incoming, outgoing) {
    const gone = new AbortController();
    outgoing.once("close", () => outgoing.writableFinished || gone.abort());
    const signal = AbortSignal.any([gone.signal, this.#stopping.signal]);
    try {
      const { secret } = this.#options;
      const path2 = incoming.url ?? "/";
      const refusal2 = refusalOf(incoming.headers, path2, { port: this.port, secret });
      if (refusal2 !== null) return refuse(incoming, outgoing, refusal2);
      const target = uploadTarget(incoming.method ?? "", path2);
      const answer = await (target === null ? forward(incoming, this.#passing(incoming), signal) : this.#upload(incoming, target, signal));
      await this.#answer(incoming, outgoing, answer);
    } catch (error) {
      if (signal.aborted || outgoing.headersSent) outgoing.destroy();
      else this.#fail(incoming, outgoing, error);
    }
  }
  async #upload(incoming, target, signal) {
    const step = hasBody(incoming.headers) ? this.#begin(incoming, target) : null;
    try {
      const answer = await upload(incoming, {
        upstream: this.#passing(incoming),
        target,
        statedOffset: rangeStart(incoming),
        maxRequestBytes: this.#maxRequestBytes,
        signal,
        onSent: (offset) => step?.at(offset)
      });
      if (answer.status < 300) step?.done("sent");
      else step?.failed(`refused with ${answer.status}`);
      return answer;
    } catch (error) {
      step?.failed(signal.aborted ? "given up" : messageOf(error, this.#options.upstream));
      throw error;
    }
  }
  #begin({ url = "", headers }, { digest, location }) {
    const layer = digest === null ? sessionOf(location ?? "") : shortDigest(digest);
    const name = `${repositoryOf(url)} ${layer}`;
    return this.#options.progress.begin(name, bodyBytesIn(headers));
  }
  /** The registry as the client's own credentials reach it, or those of the proxy. */
  #passing({ headers: { authorization } }) {
    const { upstream, secret } = this.#options;
    return secret === null ? upstream.as(authorization ?? null) : upstream;
  }
  async #answer(incoming, outgoing, answer) {
    this.#maxRequestBytes = maxRequestBytesIn(answer.headers) ?? this.#maxRequestBytes;
    const self = `http://${incoming.headers.host ?? ""}`;
    const { upstream, secret } = this.#options;
    const headers = rewritten(answer.headers, upstream.origin, self);
    const isOurs = secret !== null && answer.status === 401;
    if (isOurs) delete headers["www-authenticate"];
    outgoing.writeHead(isOurs ? 403 : statusOf(incoming, answer), headers);
    await pipeline(answer.body, outgoing);
    drain(incoming);
  }
  #fail(incoming, outgoing, error) {
    const { upstream, progress } = this.#options;
    const message = messageOf(error, upstream);
    const { method = "", url = "" } = incoming;
    if (uploadTarget(method, url) === null) {
      progress.begin(`${method} ${url.split("?", 1)[0]}`, null).failed(message);
    }
    refuse(incoming, outgoing, { status: 502, code: "UNAVAILABLE", message });
  }
};
function messageOf(error, { origin }) {
  const { message, hint } = error instanceof CliError ? error : unreachable(origin, error);
  return unjoined(hint === null ? message : `${message}. ${hint}`);
}
function statusOf({ method }, { status }) {
  return method === "PATCH" && status === 204 ? 202 : status;
}
function refuse(incoming, outgoing, { status, code, message, headers }) {
  outgoing.writeHead(status, { "content-type": "application/json", ...headers });
  outgoing.end(JSON.stringify({ errors: [{ code, message }] }));
  drain(incoming);
}
function rangeStart({ headers }) {
  const { "content-range": range = "" } = headers;
  const start = /^(?:bytes )?(\d+)-\d+/.exec(range)?.[1];
  return start === void 0 ? null : Number(start);
}
function drain(incoming) {
  if (incoming.complete) return;
  const late = setTimeout(() => incoming.destroy(), DRAIN_MS);
  incoming.socket.once("close", () => clearTimeout(late));
  incoming.once("end", () => clearTimeout(late));
  incoming.once("error", () => clearTimeout(late));
  incoming.on("readable", () => void incoming.read());
  incoming.read();
}

// src/cli/proxy/command.ts
var USUAL_PORT = 5001;
var SECRET_BYTES = 24;
function addProxyCommand(program3) {
  program3.command("proxy").description("Let any client push layers of any size: a proxy on this machine splits them.").option("--port <number>", "the port on this machine; 0 for a free one", parsePort, USUAL_PORT).addOption(
    new Option(
      "--credential <kind>",
      "pass: what clients send; login, docker, oidc: the proxy's own, of slipway login, of docker login or by a CI job's ID token"
    ).choices(CREDENTIALS).default("pass")
  ).option("--namespace <names...>", "with oidc: the namespaces whose trust rules it asks for").action(runProxy);
}
async function runProxy(options, command) {
  setFlagsFromString("--semi-space-growth-factor=1");
  const { credential: kind, namespace: namespaces = [], port: wanted } = options;
  if (kind === "oidc" && namespaces.length === 0) {
    throw new UsageError("which namespaces? Give --namespace", "slipway proxy --help says more");
  }
  const registry = await registryOf(command);
  const secret = kind === "pass" ? null : secretOf();
  const ended = ending();
  const credential = kind === "pass" ? null : await openCredential(kind, { registry, namespaces });
  try {
    await serve({ registry, credential, secret, port: wanted, ended }, command);
  } finally {
    await credential?.close();
  }
}
async function serve({ registry, credential, secret, port: wanted, ended }, command) {
  const upstream = new Upstream(registry, credential?.authorize);
  await requireRegistry(upstream, credential !== null);
  const output = new Output(command);
  const progress = await makeProgress(output.isJson);
  const proxy = await startProxy({ upstream, port: wanted, secret, progress });
  const { port } = proxy;
  const text2 = `Ready. Push to localhost:${port} instead of ${new URL(registry).host}:

    docker login localhost:${port}${secret === null ? "" : ` -u ${PROXY_USER}`}
    docker push localhost:${port}/NAMESPACE/NAME:TAG`;
  const made = process.env["SLIPWAY_PROXY_SECRET"] ? null : secret;
  output.answer(
    { ready: `http://localhost:${port}`, registry, ...made === null ? {} : { secret: made } },
    text2,
    ...made === null ? [] : [`The secret is ${made}`],
    `Or, for containerd, keep the registry's name, by this file:`,
    hostsToml(registry, port, secret === null ? null : authorizationOf(made))
  );
  await ended;
  await proxy.stop();
  progress.end();
}
async function requireRegistry(upstream, isOwn) {
  const { status, body } = await reached(
    upstream.origin,
    () => upstream.request({ method: "GET", path: "/v2/" })
  );
  body.resume();
  if (status === 200 || status === 401 && !isOwn) return;
  throw status === 401 ? new CliError(`${upstream.origin} refused the credentials`, {
    code: "UNAUTHORIZED",
    hint: "They may have ended: log in again"
  }) : new CliError(`${upstream.origin} answered ${status} to /v2/: is it a registry?`, { status });
}
function authorizationOf(made) {
  return made === null ? `Basic BASE64 OF ${PROXY_USER}:SECRET` : proxyAuthorization(made);
}
function secretOf() {
  const given = process.env["SLIPWAY_PROXY_SECRET"];
  if (!given) return randomBytes(SECRET_BYTES).toString("base64url");
  if (given.length >= 16) return given;
  throw new UsageError(
    "SLIPWAY_PROXY_SECRET has fewer than 16 characters",
    "Leave it out, and the proxy makes one"
  );
}
async function ending() {
  const one = new AbortController();
  const { signal } = one;
  const signals2 = ["SIGINT", "SIGTERM"].map((name) => once3(process, name, { signal }));
  await Promise.race(signals2);
  one.abort();
  await Promise.allSettled(signals2);
}
function parsePort(text2) {
  const port = Number(text2);
  if (/^\d+$/.test(text2) && port <= 65535) return port;
  throw new InvalidArgumentError("A port is a number up to 65535.");
}

// src/cli/run.ts
async function run2(program3) {
  process.stdout.on("error", (error) => {
    process.exit(error.code === "EPIPE" ? 0 : report(error));
  });
  try {
    await program3.parseAsync();
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
}
function exitCodeOf(error) {
  if (!(error instanceof CommanderError)) return report(error);
  return error.exitCode === 0 ? 0 : report(new UsageError("which command?", `${copyable("slipway --help")} lists all`));
}

// action/src/slipway.ts
var program2 = new SlipwayCommand("slipway").option("--registry <host>", "the registry").option("--json", "print JSON").exitOverride();
addProxyCommand(program2);
await run2(program2);
