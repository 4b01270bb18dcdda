import time, json, subprocess, os
TOKEN="kubernetes:helm.sh/v3:Release"
def chart(tmp_path):
    c=tmp_path/"demo"; (c/"templates").mkdir(parents=True)
    (c/"Chart.yaml").write_text("apiVersion: v2\nname: demo\nversion: 1.2.3\nappVersion: '9'\n")
    (c/"values.yaml").write_text("greeting: hello\n")
    (c/"templates/cm.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: demo}\ndata: {g: '{{ .Values.greeting }}'}\n")
    return str(c)
def test_x(engine, client, namespace, tmp_path):
    t=time.time()
    args={"chart":chart(tmp_path),"name":"demo","namespace":namespace,"values":{"greeting":"hi"}}
    r = engine.create(TOKEN, "a", args); print("create", time.time()-t, r.id, r.state); t=time.time()
    h = engine  # noqa
    print(client.get("v1","ConfigMap","demo",namespace)["data"])
    r2=engine.refresh(r); print("refresh", time.time()-t, r2.inputs, r2.state); t=time.time()
    assert not engine.diff(r2,args).diffs
    args["values"]={"greeting":"ho"}
    print(engine.diff(r2,args)); t=time.time()
    r3=engine.update(r2,args); print("update",time.time()-t, r3.state["status"]); t=time.time()
    print(engine.imported(TOKEN,"a",namespace+"/demo"))
    try: engine.create(TOKEN, "a", args)
    except Exception as e: print(e)
    t=time.time()
    engine.delete(r3); print("delete",time.time()-t)
    assert engine.refresh(r3) is None
