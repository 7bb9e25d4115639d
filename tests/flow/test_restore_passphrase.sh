#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The key that opens a backup may be under a passphrase: from a file that only its owner can read, or typed where nobody sees it.
# Ctrl-C at either question ends the command with nothing done, and the terminal shows again what is typed.
. "$(dirname "$0")/backups.sh"
word='correct horse 7'
openssl req -x509 -days 30 -subj /CN=quality -keyout plain.key -noenc -out quality.pem -newkey rsa:3072 2>req.err
openssl pkcs8 -topk8 -v2 aes-256-cbc -in plain.key -out quality.key -passout "pass:$word"
chmod 600 quality.key
rm plain.key
job core
expect 0 "$STATION" rehearse core.cfg --units 1
expect 0 "$STATION" backup --state rehearsal --slot A1 --json --recipient quality.pem
file=$(the_backup)
printf 'DMGD' | dd of=rehearsal/units/A1/alt0.bin bs=1 seek=$((0x5010)) conv=notrunc status=none
cp -r rehearsal/units units.before

attempts() {
	sql "SELECT count(*) FROM attempt WHERE kind = 'restore'"
}
restore() { # STATUS OPTION...
	local status=$1
	shift
	expect "$status" "$STATION" restore "$file" --key quality.key --state rehearsal "$@" </dev/null
}

# --- from a file ---
printf '%s\n' "$word" >word
printf 'wrong\n' >wrong
chmod 600 word wrong
restore 2 --yes --passin-file wrong
grep -q 'quality.key does not open with this passphrase' err || fail "the wrong one: $(cat err)"
chmod 644 word
restore 2 --yes --passin-file word
grep -q 'word' err || fail "a file that others can read: $(cat err)"
chmod 600 word
restore 2 --yes --passin-file nowhere
equal "attempts without a key" 0 "$(attempts)"
diff -r units.before rehearsal/units || fail "a unit was changed without a key"

# --- on a terminal ---

# terminal ANSWER...: what is typed at the questions, one after the other (^C: Ctrl-C); prints the exit status and whether the terminal
# shows what is typed. What was said is in ./said. With SLOWLY, the station sleeps after each thing that it says: who answers at once does so
# before it listens. A question that nobody came back from within two minutes counts as hung.
terminal() {
	FILE=$file python3 - "$@" <<-'PYTHON'
		import os, pty, select, signal, sys, termios
		slowly = ["strace", "-qq", "-o", "/dev/null", "-e", "trace=write", "-e", "inject=write:delay_exit=200000"]
		command = [os.environ["STATION"], "restore", os.environ["FILE"], "--key", "quality.key", "--state", "rehearsal"]
		pid, fd = pty.fork()
		if pid == 0:
		    if "SLOWLY" in os.environ:
		        command = slowly + command
		    os.execvp(command[0], command)
		said, answers, questions = b"", sys.argv[1:], [b"passphrase of quality.key: ", b"to do it: "]
		shows = None
		try:
		    while True:
		        if not select.select([fd], [], [], 120)[0]:
		            os.kill(pid, signal.SIGKILL)
		            sys.exit(f"hung after: {said[-200:]}")
		        said += os.read(fd, 4096)
		        if questions and said.endswith(questions[0]):
		            questions.pop(0)
		            answer = answers.pop(0)
		            os.write(fd, b"\x03" if answer == "^C" else answer.encode() + b"\n")
		        elif b"stopped while it asked" in said and shows is None:
		            shows = bool(termios.tcgetattr(fd)[3] & termios.ECHO)
		except OSError:
		    pass
		_, status = os.waitpid(pid, 0)
		open("said", "wb").write(said)
		print(os.waitstatus_to_exitcode(status), shows)
	PYTHON
}
equal "Ctrl-C at the passphrase" "130 True" "$(terminal ^C)"
export ASAN_OPTIONS=detect_leaks=0 # who looks for leaks cannot be traced
equal "Ctrl-C before it listens" "130 True" "$(SLOWLY=yes terminal ^C)"
equal "attempts after it" 0 "$(attempts)"
equal "the wrong one" "2 None" "$(terminal wrong)"
grep -q 'does not open with this passphrase' said || fail "the wrong one, typed: $(cat said)"
equal "Ctrl-C at the slot's name" "130 None" "$(terminal "$word" ^C)"
equal "its attempt" "ABORTED|stopped" "$(sql "SELECT outcome, reason FROM attempt WHERE kind = 'restore'")"
diff -r units.before rehearsal/units || fail "a unit was changed that nobody confirmed"
equal "Ctrl-C at the slot's name, before it listens" "130 None" "$(SLOWLY=yes terminal "$word" ^C)"
equal "another name" "2 None" "$(terminal "$word" A2)"
equal "both right" "0 None" "$(terminal "$word" A1)"
! grep -qF "$word" said || fail "the passphrase was shown"
! grep -rqF "$word" rehearsal || fail "the passphrase stands in the state folder"
grep -q '^restored: ' said || fail "it was not restored: $(cat said)"

# --- JSON stands alone on standard output, also where the plan is shown to be confirmed ---
printf 'DMGD' | dd of=rehearsal/units/A1/alt0.bin bs=1 seek=$((0x5010)) conv=notrunc status=none
printf A1 >answer # no newline at the end: still an answer
expect 0 "$STATION" restore "$file" --key quality.key --state rehearsal --passin-file word --json <answer
equal "objects" "1 PASS" "$(jq -rs '"\(length) \(.[0].outcome)"' out)"
grep -q 'bytes are written' err || fail "the plan was not shown: $(cat err)"
expect 0 "$STATION" audit --state rehearsal
